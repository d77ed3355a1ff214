// Scores leads by the size and industry of their company, and by whether they look at prices.

import { DAY, definePlugin, Refusal, table } from 'cadenza-sdk';

// Read when the plugin is built; it has no files when it decides.
const INDUSTRIES = table('tables/industries.csv', { key: 'industry' });
const FRESH_DAYS = 7;

export default definePlugin({
  name: '{{name}}',
  version: '0.1.0',
  summary: 'Scores leads by the size and industry of their company, and by whether they look at prices.',

  // What a workflow may set under `with`.
  parameters: {
    hot: { type: 'int', default: 40, minimum: -1000, maximum: 1000, summary: 'Points from which a lead is hot.' },
    warm: { type: 'int', default: 20, minimum: -1000, maximum: 1000, summary: 'Points from which a lead is warm.' },
    large: { type: 'int', default: 500, minimum: 1, summary: 'Companies with at least so many people count as large.' },
  },

  // What it reads of a lead; blank is `undefined`, and gives no points.
  fields: { employees: 'int', industry: 'text' },

  // Why a lead gets points. An id, once used, is never given to another rule.
  rules: {
    large: { id: 1, text: 'The company has {value} people' },
    industry: { id: 2, text: 'Works in an industry we know: {value}' },
    pricing: { id: 3, text: 'Looked at our prices {value} days ago' },
  },

  // The kinds of engagement it tells apart.
  codes: ['page'],

  reads({ hot, warm }) {
    if (hot <= warm) throw new Refusal(`\`hot\` (${hot}) has to be above \`warm\` (${warm})`);
    return { engagement: { count: 10, daysBack: FRESH_DAYS } };
  },

  score(view) {
    const tally = view.tally();
    const { employees, industry } = view.fields;
    if (employees !== undefined && employees >= view.parameters.large) tally.add('large', 20, employees);
    const known = industry === undefined ? undefined : INDUSTRIES.get(industry);
    if (known !== undefined) tally.add('industry', Number(known.points), industry);
    const look = view.engagement.find((seen) => seen.kind === 'page' && seen.detail === 'pricing');
    if (look !== undefined) tally.add('pricing', 15, Math.floor(look.age / DAY));
    // The points for it are lost when the look is no longer fresh, even if nothing happens; so ask again then.
    const rescoreAfter = look === undefined ? undefined : FRESH_DAYS * DAY - look.age;
    return tally.rating(segmentOf(tally.points, view.parameters), rescoreAfter);
  },
});

function segmentOf(points, { hot, warm }) {
  if (points >= hot) return 'hot';
  return points >= warm ? 'warm' : 'cold';
}
