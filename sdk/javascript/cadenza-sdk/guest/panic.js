// What people read when a plugin fails: the exception and where in the author's code it was thrown.

import { panic } from 'cadenza:plugin/log@1.0.0';
import { Refusal } from '../tally.js';

// What is thrown as a text is a refusal to the contract; anything else traps.
export function answering(answer) {
  try {
    return answer();
  } catch (error) {
    if (error instanceof Refusal) throw error.message;
    panic(spelt(error));
    // A text or something with a payload would count as an answer.
    throw error instanceof Error ? error : new Error('something was thrown that is no Error');
  }
}

function spelt(error) {
  if (!(error instanceof Error)) return `${JSON.stringify(error)} was thrown, which is no Error`;
  const place = placeOf(error.stack ?? '');
  const what = `${error.name}: ${error.message}`;
  return place === undefined ? what : `${what} at ${place}`;
}

// The innermost line that is the author's. All modules are one file by now; the build leaves behind where its lines are from.
function placeOf(stack) {
  const { files, lines } = globalThis.cadenzaPlaces;
  for (const frame of stack.split('\n')) {
    const [, called, line] = /^(.*)@guest\.js:(\d+):\d+$/.exec(frame) ?? [];
    const place = lines[line - 1];
    if (place === undefined || place === 0) continue;
    const [file, original] = place;
    const name = called.replace(/^.*[./<]/, '');
    return name === '' ? `${files[file]}:${original}` : `${files[file]}:${original} in ${name}`;
  }
  return undefined;
}
