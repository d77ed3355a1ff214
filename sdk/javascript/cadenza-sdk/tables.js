// Lookup tables: files beside the plugin, read when it is built. A guest is a snapshot of what the modules hold after their
// import, and has no files; so tables are read at the top of a module, never while deciding.

import { readText } from '#host';

export function table(path, { key, separator = ',' } = {}) {
  const [heading, ...rows] = records(path, separator);
  if (heading === undefined) throw new Error(`${path} is empty: its first line has to name the columns`);
  const names = heading.cells;
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined) throw new Error(`${path}:${heading.line}: two columns are called \`${twice}\``);
  if (key !== undefined && !names.includes(key)) throw new Error(`${path} has no column ${key}; it has ${names.join(', ')}`);
  const named = rows.map(({ line, cells }) => {
    if (cells.length !== names.length) {
      throw new Error(`${path}:${line}: the row has ${cells.length} cells, and the heading ${names.length}`);
    }
    return Object.fromEntries(names.map((name, at) => [name, cells[at]]));
  });
  if (key === undefined) return named;
  const byKey = new Map();
  named.forEach((row, at) => {
    if (byKey.has(row[key])) throw new Error(`${path}:${rows[at].line}: this is the second row for \`${row[key]}\``);
    byKey.set(row[key], row);
  });
  return byKey;
}

export function lines(path) {
  const all = text(path).split(/\r?\n/).map((line) => line.trim());
  return all.filter((line) => line !== '' && !line.startsWith('#'));
}

function text(path) {
  return readText(path).replace(/^\ufeff/, '');
}

// The cells of each record that is not blank, and the line it begins on. A quote opens at the beginning of a cell and is a
// letter elsewhere (`15" screen`); between quotes there may be separators, ends of lines and, doubled, quotes.
function records(path, separator) {
  const given = text(path);
  const apart = `\\u${separator.charCodeAt(0).toString(16).padStart(4, '0')}`;
  const cell = new RegExp(`(?:"([^"]*(?:""[^"]*)*)("|$))?([^${apart}\\r\\n]*)(${apart}|\\r\\n?|\\n|$)`, 'y');
  const all = [];
  let line = 1, record = { line, cells: [] }, isOver = false;
  while (!isOver) {
    const [read, quoted = '', closed, rest, end] = cell.exec(given);
    if (closed === '') throw new Error(`${path}:${line}: a quote is opened and not closed`);
    record.cells.push((quoted.replaceAll('""', '"') + rest).trim());
    line += read.match(/\r\n?|\n/g)?.length ?? 0;
    isOver = end === '';
    if (end === separator) continue;
    if (record.cells.length > 1 || record.cells[0] !== '') all.push(record);
    record = { line, cells: [] };
  }
  return all;
}
