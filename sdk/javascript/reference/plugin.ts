// Scores inbound leads: who they are, what they need, and what they do. Knows nothing of what happens with the score.
//
// The port of `plugins/inbound-fit`: the same decisions, word for word, for numbers up to 2^53 and times that a Date can be.

import { definePlugin, Refusal, type Segment } from 'cadenza-sdk';
import { codes, fields, parameters, rules, type Parameters, type Tally } from './declared.ts';
import { behaviour, company, ENGAGEMENT_DAYS, need, nextChange, person } from './points.ts';

export default definePlugin({
  name: 'inbound-fit',
  version: '0.1.0',
  summary: 'Scores inbound leads by who they are, what they need and what they do.',
  parameters,
  fields,
  rules,
  codes,

  reads({ hot, warm }) {
    if (hot <= warm) throw new Refusal(`\`hot\` (${hot}) has to be above \`warm\` (${warm})`);
    return {
      touches: { count: 8, daysBack: 180 },
      engagement: { count: 20, daysBack: ENGAGEMENT_DAYS },
      previousScore: true,
    };
  },

  score({ now, parameters, fields, touches, engagement, previousScore, tally: newTally }) {
    const tally = newTally();
    person(tally, fields);
    company(tally, fields, parameters);
    need(tally, fields, parameters, now);
    behaviour(tally, engagement, touches);
    const segment = segmentOf(tally, parameters, previousScore);
    return tally.rating(segment, nextChange(fields, engagement, now));
  },
});

function segmentOf(tally: Tally, { hot, warm, steady }: Parameters, previousScore: number | undefined): Segment {
  const { points } = tally;
  if (points >= hot) return 'hot';
  if (previousScore !== undefined && previousScore >= hot && points >= hot - steady) {
    tally.because('steady', previousScore);
    return 'hot';
  }
  return points >= warm ? 'warm' : 'cold';
}
