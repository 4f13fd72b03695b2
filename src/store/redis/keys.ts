import { spell } from '../codec.ts'

/** Names of a view's keys in Redis. All but the entries and their tallies begin with `millrace:`. */
export type ViewKeys = ReturnType<typeof viewKeys>

export function viewKeys(name: string) {
  const state = `millrace:${name}`
  return {
    view: name,
    /** Hash: epoch, format, declarations, watermark, newest barrier, fingerprint, pass … */
    state,
    /** Hash, topic partition -> `<next> <JSON>`. */
    checkpoints: `${state}:checkpoints`,
    /** Hash, topic partition and offset -> JSON. */
    parked: `${state}:parked`,
    /** Hash, place -> JSON. */
    problems: `${state}:problems`,
    /** Hash, name -> `<id> <since> <code> <JSON>`. */
    doubts: `${state}:doubts`,
    /** Hash, number -> JSON. */
    barriers: `${state}:barriers`,
    /** Hashes, key of an entry -> ticket: of its amounts, and of its owning row. */
    tickets: `${state}:tickets`,
    rowTickets: `${state}:row-tickets`,
    /** Hash: holder and declaration. */
    lease: `${state}:lease`,
    /** JSON. */
    wanted: `${state}:wanted`,
    /**
     * What is moved aside is named so, with its own key but for the view's name, and the time in
     * milliseconds behind.
     */
    displaced: (key: string) => `${state}:displaced${key.slice(name.length)}:`,
    /** All that was moved aside, as SCAN matches it. */
    displacedPattern: `${escapeGlob(state)}:displaced[.:]*`,
    /** The key that was moved aside to this place, and when; undefined for any other place. */
    displacedFrom: (place: string) => {
      const [, key, time] =
        /^([.:].*):(\d{1,15})$/s.exec(place.slice(`${state}:displaced`.length)) ?? []
      return key === undefined ? undefined : { key: `${name}${key}`, atMs: Number(time) }
    },
    /** Every entry of the view and every tally, as SCAN and ACL rules match it. */
    entryPattern: `${escapeGlob(name)}[.:]*`,
    /** Hash. */
    entry: (key: string) => `${name}:${key}`,
    /**
     * What the sorted sets of a tally begin with, before the key of an entry. No view's name has a
     * dot, and no tally's a colon, so that these names are of one view, tally and entry.
     */
    tallyPrefix: (tally: string) => `${name}.${spell(tally, '-')}:`,
    /** The entry to which a key belongs, as its hash or a tally; undefined for any other key. */
    entryOf: (key: string): string | undefined => {
      if (!key.startsWith(name)) return undefined
      const colon = key.indexOf(':', name.length)
      const isOwn = colon === name.length || (colon > 0 && key[name.length] === '.')
      return isOwn ? key.slice(colon + 1) : undefined
    },
  } as const
}

/** The format of a view's state says how all of its keys are laid out. */
export const formatField = 'format'

/** Field of the state: random, and the same in every epoch. */
export const instanceField = 'instance'

/** Field of the state: the bound of what is kept, in whole seconds since 1970. */
export const keepFromField = 'keep-from'

/** Field of the state: `1` once every entry holds what the declaration says, `0` before. */
export function completeField(declaration: string): string {
  return `complete:${declaration}`
}

/** Text that a glob pattern matches only as it is. */
export function escapeGlob(text: string): string {
  return text.replaceAll(/[\\*?[\]]/g, String.raw`\$&`)
}
