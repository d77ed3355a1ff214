// Chooses a nurture track by when the lead's project starts, and by what it said when it was last reached.

import { DAY, definePlugin, Refusal } from 'cadenza-sdk';

const tracks = ['weekly', 'monthly', 'long'] as const;
type Track = (typeof tracks)[number];

export default definePlugin({
  name: '{{name}}',
  version: '0.1.0',
  summary: 'Chooses a nurture track by when the project starts and by what the lead said.',

  // What a workflow may set under `with`.
  parameters: {
    close: { type: 'duration', default: 30 * DAY, summary: 'A project that starts within so long is close.' },
    far: { type: 'duration', default: 120 * DAY, summary: 'A project further away than this is far.' },
  },

  // When the project starts; blank or past says nothing.
  fields: { project_date: 'time' },

  // Why a track was chosen. An id, once used, is never given to another rule.
  rules: {
    project: { id: 1, text: 'The project starts in {value} days' },
    not_now: { id: 2, text: 'Said that this is not the time when it was last reached' },
    quiet: { id: 3, text: 'Nothing is known that speaks for more' },
  },

  // The tracks it may choose, and what it tells apart in the results of touches.
  tracks,
  codes: ['not_now'],

  reads({ close, far }) {
    if (close >= far) throw new Refusal('`close` has to be shorter than `far`');
    return { touches: { count: 5, daysBack: 365 } };
  },

  choose(view) {
    const tally = view.tally();
    const ahead = (view.fields.project_date?.getTime() ?? 0) - view.now.getTime();
    if (ahead > 0) {
      tally.because('project', Math.floor(ahead / DAY));
      const { track, change } = byProject(ahead, view.parameters);
      return tally.choice(track, change);
    }
    const said = view.touches.find((touch) => touch.result !== undefined)?.result;
    if (said === 'not_now') {
      tally.because('not_now');
      return tally.choice('monthly', 90 * DAY);
    }
    tally.because('quiet');
    return tally.choice('long', 90 * DAY);
  },
});

// The track, and after how long the project has come so near that it is another.
function byProject(ahead: number, { close, far }: { close: number; far: number }): { track: Track; change: number } {
  if (ahead > far) return { track: 'long', change: ahead - far };
  if (ahead > close) return { track: 'monthly', change: ahead - close };
  return { track: 'weekly', change: ahead };
}
