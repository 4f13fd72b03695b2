import { isMissing, type Told, type Truth } from './missing-entries.ts'

const absent: Told = { isThere: false, watermark: 10n, isDoubted: false }

/** The source ends further on with each question, and the API is always up to it. */
function asked(given: { readonly has?: readonly boolean[]; readonly told?: Partial<Told> } = {}) {
  let questions = 0
  const truth = async (): Promise<Truth> => {
    questions += 1
    return { has: given.has?.[questions - 1] ?? true, lsn: 10n * BigInt(questions + 1) }
  }
  const readBehind = async (lsn: bigint): Promise<Told | undefined> => ({
    ...absent,
    watermark: lsn,
    ...given.told,
  })
  return { truth, readBehind }
}

test('an entry is missing whose row the source had before the watermark, again and again', async () => {
  expect(await isMissing(absent, asked())).toBe(true)
})

test.each([
  ['the source has no such row', [false]],
  ['the source has it no more', [true, true, true, false]],
  ['the row was made again between', [true, false]],
])('an entry is rightly not there where %s', async (_, has) => {
  expect(await isMissing(absent, asked({ has }))).toBe(false)
})

test.each([
  ['the view was only behind', { isThere: true }],
  ['a doubt is told', { isDoubted: true }],
  ['no watermark is told', { watermark: undefined }],
])('nothing is missing where %s', async (_, told) => {
  expect(await isMissing({ ...absent, ...told }, asked())).toBe(false)
  expect(await isMissing(absent, asked({ told }))).toBe(false)
})

test('nothing is told of a source that has gone back below the watermark', async () => {
  const { readBehind } = asked()
  const truth = async (): Promise<Truth> => ({ has: true, lsn: 9n })
  expect(await isMissing(absent, { truth, readBehind })).toBe(false)
})

test('nothing is told while the source is away, or the view does not come so far', async () => {
  expect(await isMissing(absent, { ...asked(), truth: async () => undefined })).toBe(false)
  expect(await isMissing(absent, { ...asked(), readBehind: async () => undefined })).toBe(false)
})
