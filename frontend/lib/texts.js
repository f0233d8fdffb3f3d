// The texts of the page in the reader's language, from texts/, one file per language.

import { remembered } from "./memory.js";

export const LANGUAGES = { en: "English", de: "Deutsch" };

let words = {};
let plural = new Intl.PluralRules("en");
let language = "en";

/** The language that was asked for in the address, chosen before, or preferred by the browser. */
export function preferredLanguage() {
  const wishes = [
    new URLSearchParams(location.search).get("lang"),
    remembered("language"),
    ...navigator.languages.map((tag) => tag.slice(0, 2)),
  ];
  return wishes.find((wish) => Object.hasOwn(LANGUAGES, wish)) ?? "en";
}

/** Load the texts of a language; await it before anything is shown. */
export async function loadLanguage(chosen) {
  words = (await import(`../texts/${chosen}.js`)).default;
  language = chosen;
  plural = new Intl.PluralRules(chosen);
  document.documentElement.lang = chosen;
}

/**
 * The locale for numbers and dates: the reader's own variant of the language where there is one. A reader whose
 * language the page does not have still gets the numbers and dates of home, in the digits of the page's own texts.
 */
export function locale() {
  const own = navigator.languages.find((tag) => tag.slice(0, 2) === language);
  const spoken = Object.hasOwn(LANGUAGES, navigator.language.slice(0, 2));
  return new Intl.Locale(spoken ? (own ?? language) : navigator.language, { numberingSystem: "latn" }).toString();
}

/**
 * The text of a key, with `{name}` replaced by values; an object of plural forms is chosen by `values.n`
 * (or by `values.form`, where n is a text already).
 */
export function text(key, values = {}) {
  let found = words[key];
  if (found === undefined) return key;
  if (typeof found === "object") found = found[plural.select(values.form ?? values.n)] ?? found.other;
  return found.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

/** True if the language has a text for the key. */
export const hasText = (key) => key in words;
