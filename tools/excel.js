// The part of write-excel-file that the page needs, in one file without workers: it starts them from a blob: address,
// which the Content-Security-Policy forbids.

import { generateXlsxFileSync } from "./node_modules/write-excel-file/modules/export/writeXlsxFileUniversal.js";

/**
 * @param {object[][]} rows cells as write-excel-file takes them
 * @param {object} sheet its sheet options
 * @returns {Promise<Blob>} an Excel workbook of one sheet
 */
export default (rows, sheet) => generateXlsxFileSync(rows, sheet);
