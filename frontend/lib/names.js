// Names of workers and workstations where the id is not beside them.

/**
 * The same rows, with the id after each name that another row has too.
 * @param {object[]} rows of an answer
 * @param {"worker_id"|"workstation_id"} key
 */
export function toldApart(rows, key) {
  const times = new Map();
  for (const { name } of rows) times.set(name, (times.get(name) ?? 0) + 1);
  return rows.map((row) => (times.get(row.name) > 1 ? { ...row, name: `${row.name} (${row[key]})` } : row));
}
