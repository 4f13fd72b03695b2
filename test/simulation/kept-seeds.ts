/**
 * Schedules that have caught something, by the seed that draws them or as they were printed when
 * they had been made smaller. Some have caught errors that were made, most the absence of a guard
 * that was taken away to see it missed.
 */
import type { FamilyName } from './families.ts'
import type { KeptSchedule } from './kept.ts'

export type KeptSeed = {
  readonly schedule: number | KeptSchedule
  /** What the seed is drawn for, whatever it would draw itself; left out: `users`. */
  readonly family?: FamilyName
  readonly caught: string
}

export const keptSeeds: readonly KeptSeed[] = [
  { schedule: 1, caught: 'an offset, an anchor, a snapshot or a barrier that was not compared' },
  { schedule: 2, caught: 'a commit that did not compare the epoch' },
  { schedule: 4, caught: 'corrections without their tickets' },
  { schedule: 8, caught: 'entries with nothing left in them, and phantoms that no look came by' },
  { schedule: 10, caught: 'a source on another history that was not noticed' },
  { schedule: 13, caught: 'transaction ids that were not compared modulo 32 bits' },
  { schedule: 16, caught: 'a partition that stopped without raising a doubt' },
  { schedule: 20, caught: 'a correction that did not compare the epoch' },
  { schedule: 22, caught: 'two who observed the set-up, the second over the first' },
  { schedule: 29, caught: 'a repeat from beyond its barrier that was applied' },
  { schedule: 32, caught: 'a record that could not be decoded, passed without a doubt' },
  { schedule: 33, caught: 'a set-up that was altered without a doubt' },
  { schedule: 35, caught: 'a log that was not proved after a failed fetch' },
  { schedule: 41, caught: 'a log that had lost what the checkpoint needed' },
  { schedule: 45, caught: 'a record that stopped its partition and was passed all the same' },
  { schedule: 58, caught: 'an idle partition that never heard that the store had gone back' },
  { schedule: 63, caught: 'partitions that were added without a doubt' },
  { schedule: 70, caught: 'a declaration that was overwritten while the view was begun' },
  { schedule: 77, caught: 'changes that came again and counted twice' },
  { schedule: 95, caught: 'an identity window that forgot too much' },
  { schedule: 97, caught: 'a count below zero that nobody doubted' },
  { schedule: 109, caught: 'compaction that had overtaken a checkpoint' },
  { schedule: 116, caught: 'identities that were not read again after a start' },
  { schedule: 119, caught: 'a table that was rewritten without a doubt' },
  { schedule: 120, caught: 'a record that said too little, passed without a doubt' },
  { schedule: 127, caught: 'a watermark that fell' },
  { schedule: 133, caught: 'a doubt that an incremental snapshot does not deserve' },
  { schedule: 139, caught: 'a barrier that began after its marker' },
  { schedule: 140, caught: 'a partition that did not go on when its table was mended' },
  { schedule: 211, caught: 'a log that ended before its checkpoint' },
  { schedule: 292, caught: 'a look whose anchor did not know a partition' },
  { schedule: 308, caught: 'an update without its earlier row, passed without a doubt' },
  { schedule: 440, caught: 'a snapshot that a connector took anew, passed without a doubt' },
  { schedule: 475, caught: 'a lap that stood before what an older session had written' },
  { schedule: 516, caught: 'keys of a second schema, passed without a doubt' },
  { schedule: 801, caught: 'a publication that was altered without a doubt' },
  { schedule: 991, caught: 'a look that spanned a rewritten table and the cure of its doubt' },
  { schedule: 1083, caught: 'a lap that forgot of which tables it could not tell' },
  {
    schedule: {
      seed: 2270,
      hostileMs: 1323,
      benign: false,
      workers: 1,
      faults: [[1214, 'the store goes back', 1240076034]],
      work: [[1201, 3, 0, 1783604804, '110']],
    },
    caught: 'a lap that went on although the store had gone back to before its corrections',
  },
  { schedule: 3673, caught: 'a partition that did not know the schema of its topic’s keys' },
  { schedule: 4835, caught: 'names to sweep for ever, of which the view stores some again' },
  { schedule: 1, family: 'activity', caught: 'an entry that was there by its numbers alone' },
  { schedule: 1, family: 'windows', caught: 'entries below the bound, shown or judged' },
  { schedule: 4, family: 'windows', caught: 'a leap of the source’s clock that was not held' },
  { schedule: 44, family: 'windows', caught: 'a commit that left out what its store kept' },
  {
    schedule: 1571,
    family: 'windows',
    caught: 'a quiet topic that was away when somebody looked, and came back as another one',
  },
  {
    schedule: 2306,
    family: 'windows',
    caught: 'entries removed by another bound than they lay below',
  },
  { schedule: 7238, family: 'windows', caught: 'a clock ahead of others that hid compaction' },
  {
    schedule: {
      seed: 8506,
      hostileMs: 9162,
      benign: false,
      workers: 1,
      faults: [
        [6774, 'nobody works for days', 972908593],
        [8653, 'a log loses its end', 3054849463],
      ],
      work: [[2360, 2, 286, 2906154760, '010']],
    },
    caught: 'a cut log whose changes, where compaction had taken them, counted as applied still',
  },
  {
    schedule: {
      seed: 21367,
      family: 'windows',
      hostileMs: 4527,
      benign: false,
      workers: 1,
      faults: [
        [3611, 'the state alone is lost', 3302366918],
        [4087, 'a log loses its end', 3953694819],
      ],
      work: [
        [435, 2, 0, 3290401305, '010'],
        [2797, 1, 162, 2562012047, '010'],
      ],
    },
    caught: 'a log that lost its end before the view was begun anew, which nobody can know of',
  },
  {
    schedule: {
      seed: 21869,
      family: 'activity',
      hostileMs: 5031,
      benign: false,
      workers: 3,
      faults: [
        [1088, 'a connector is replaced and goes on', 2113307785],
        [1254, 'the source is put back to an earlier state', 813700508],
      ],
      work: [
        [136, 1, 171, 3208615734, '110'],
        [318, 2, 0, 1360084261, '100'],
        [617, 3, 0, 1204048784, '010'],
        [3857, 1, 0, 1123119449, '010'],
      ],
    },
    caught: 'changes that an offset of an earlier history skipped, and that the oracle waited for',
  },
  {
    schedule: 23450,
    family: 'windows',
    caught: 'what was put right by hand, and corrected once more in the end',
  },
  {
    schedule: {
      seed: 24167,
      family: 'windows',
      hostileMs: 6952,
      benign: false,
      workers: 1,
      faults: [
        [3410, 'calls to the store go wrong', 1981146545],
        [4463, "the source's clock leaps", 2109148082],
        [4590, 'the state alone is lost', 3852026338],
      ],
      work: [],
    },
    caught: 'a bound that was right before the state was lost, taken for a leap',
  },
  {
    schedule: 24233,
    caught: 'records without a column that is back, of which each batch stopped its partition',
  },
  {
    schedule: {
      seed: 33866,
      hostileMs: 12260,
      benign: false,
      workers: 1,
      faults: [
        [4489, 'the store goes back', 2846973580],
        [4648, 'a worker is caught at a step', 2803046629],
        [7197, 'a table is left out of the publication for a while', 1576791646],
      ],
      work: [
        [5743, 3, 0, 1611142752, '010'],
        [5779, 2, 266, 2945096954, '010'],
        [8926, 5, 107, 2095539993, '110'],
      ],
    },
    caught: 'barriers that were remembered from before the store went back, by numbers given again',
  },
]
