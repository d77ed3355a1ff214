// Lookup tables: files beside the plugin, read when it is built. A guest is a snapshot of what the modules hold after their
// import, and has no files; so tables are read at the top of a module, never while deciding.

import { readText } from '#host';

export function table(path, { key, separator = ',' } = {}) {
  const [heading, ...rows] = records(text(path), separator);
  if (heading === undefined) throw new Error(`${path} is empty: its first line has to name the columns`);
  const named = rows.map((cells) => Object.fromEntries(heading.map((name, at) => [name, cells[at] ?? ''])));
  if (key === undefined) return named;
  if (!heading.includes(key)) throw new Error(`${path} has no column ${key}; it has ${heading.join(', ')}`);
  return new Map(named.map((row) => [row[key], row]));
}

export function lines(path) {
  const all = text(path).split(/\r?\n/).map((line) => line.trim());
  return all.filter((line) => line !== '' && !line.startsWith('#'));
}

function text(path) {
  return readText(path).replace(/^\ufeff/, '');
}

// The cells of each line; a cell in quotes may hold separators, ends of lines and, doubled, quotes.
function records(text, separator) {
  const all = [];
  let cells = [], cell = '', isQuoted = false;
  const endCell = () => { cells.push(cell); cell = ''; };
  const endRecord = () => { endCell(); if (cells.length > 1 || cells[0] !== '') all.push(cells); cells = []; };
  for (let at = 0; at < text.length; at += 1) {
    const letter = text[at];
    if (isQuoted) {
      if (letter !== '"') cell += letter;
      else if (text[at + 1] === '"') { cell += '"'; at += 1; } else isQuoted = false;
    } else if (letter === '"') isQuoted = true;
    else if (letter === separator) endCell();
    else if (letter === '\n') endRecord();
    else if (letter !== '\r') cell += letter;
  }
  endRecord();
  return all;
}
