import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { table } from '../cadenza-sdk/index.js';

const folder = mkdtempSync(join(tmpdir(), 'cadenza-tables-'));
globalThis.cadenzaPluginFolder = folder;
after(() => rmSync(folder, { recursive: true }));

function read(text, options) {
  writeFileSync(join(folder, 't.csv'), text);
  return table('t.csv', options);
}

const HELD = [
  ['cells and headings are trimmed', ' a , b \n 1 , 2 \r\n', [{ a: '1', b: '2' }]],
  ['a quote within a cell is a letter', 'a,b\n15" screen,x\n17" screen,y\n', [
    { a: '15" screen', b: 'x' }, { a: '17" screen', b: 'y' },
  ]],
  ['quotes hold separators, ends of lines and quotes', 'a,b\n"1, ""one""\ntwo",2', [{ a: '1, "one"\ntwo', b: '2' }]],
  ['blank lines are passed over, and the last line may have no end', '\ufeffa,b\n\n1,2\r\n\r\n3,', [
    { a: '1', b: '2' }, { a: '3', b: '' },
  ]],
];

for (const [name, text, rows] of HELD) {
  test(name, () => assert.deepEqual(read(text), rows));
}

test('a separator may be any letter', () => {
  assert.deepEqual(read('a|b\n1,5|2', { separator: '|', key: 'a' }), new Map([['1,5', { a: '1,5', b: '2' }]]));
  assert.deepEqual(read('a\tb\n1\t2', { separator: '\t' }), [{ a: '1', b: '2' }]);
});

const REFUSED = [
  ['a,b\n1,2\n3,"4\n5,6\n', 't.csv:3: a quote is opened and not closed'],
  ['a,b\n"1\n1",2\n3\n', 't.csv:4: the row has 1 cells, and the heading 2'],
  ['a,b\n1,2,3\n', 't.csv:2: the row has 3 cells, and the heading 2'],
  ['a,b\n1,2\n3,4\n 1 ,5\n', 't.csv:4: this is the second row for `1`'],
  ['a,b, a\n1,2,3\n', 't.csv:1: two columns are called `a`'],
  ['b,c\n1,2\n', 't.csv has no column a; it has b, c'],
  ['\n', 't.csv is empty: its first line has to name the columns'],
];

for (const [text, message] of REFUSED) {
  test(message, () => assert.throws(() => read(text, { key: 'a' }), { message }));
}
