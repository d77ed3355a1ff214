// Connects an author's plugin with the contract. Only what `build.mjs` generates imports this, inside the guest.
//
// What a guest's modules hold when they are evaluated is its snapshot, and every decision begins with it. So all that does
// not depend on the input is made ready here at once, and a call does as little as it can.

import { log } from '../log.js';
import { Refusal } from '../tally.js';
import { describe, viewWanted } from './description.js';
import { listen } from './host.js';
import { Call, overdueOf, prepare } from './intake.js';
import { Outcome } from './outcome.js';
import { answering } from './panic.js';
import { rehearse } from './rehearsal.js';

// The interfaces that the component exports; those of kinds that the plugin is not are not exported.
export function connect(plugin) {
  const plan = prepare(plugin);
  const outcome = new Outcome(plugin);
  const description = describe(plugin);
  const decisions = {
    score: (input) => outcome.rating(plugin.score(onlyView(plan, input))),
    choose: (input) => outcome.choice(plugin.choose(onlyView(plan, input))),
    decide: (input, overdue) => outcome.verdict(plugin.decide(onlyView(plan, input), overdueOf(overdue))),
  };
  for (const name of ['log', 'info', 'warn', 'error', 'debug']) console[name] = log;
  rehearse(plugin, decisions);
  listen();
  return {
    describe: {
      describe: () => description,
      reads: (texts, values) => answering(() => viewWanted(plugin, plan.parametersOf(texts, values))),
    },
    scorer: {
      score: (input) => answering(() => decisions.score(input)),
      scoreBatch: (input) => answering(() => scoreBatch(plugin, plan, outcome, input)),
    },
    nurturer: { choose: (input) => answering(() => decisions.choose(input)) },
    escalator: { decide: (input, overdue) => answering(() => decisions.decide(input, overdue)) },
  };
}

function onlyView(plan, input) {
  const call = new Call(plan, input);
  if (input.leads.length === 0) throw new Refusal('no lead is given to decide about');
  return call.view(input.leads[0]);
}

function scoreBatch(plugin, plan, outcome, input) {
  const call = new Call(plan, input);
  return input.leads.map((lead) => {
    try {
      return { tag: 'ok', val: outcome.rating(plugin.score(call.view(lead))) };
    } catch (error) {
      return refusal(error);
    }
  });
}

function refusal(error) {
  if (!(error instanceof Refusal)) throw error;
  return { tag: 'err', val: error.message };
}
