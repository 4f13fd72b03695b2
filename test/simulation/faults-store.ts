/** Faults of the store, errors planted in it by hand, and changes of the declaration. */
import { mergedView, type OwnView } from '../../src/coordinate/view-plan.ts'
import type { Held } from '../../src/store/memory/data.ts'
import type { Fault, Stage } from './faults.ts'
import { momentText, spelled, windowSeconds } from './keys.ts'
import { componentOf } from './oracle.ts'
import type { StoreCopy } from './store.ts'
import { cellsMax } from './tables.ts'

export const storeFaults: Readonly<Record<string, Fault>> = {
  'the store goes back': doubtful(5, ({ world, cast, random }) => {
    const copy = world.store.copy()
    world.scheduler.after(random.between(200, 12_000), () => {
      if (copy.data.state && world.store.data.state) goBack({ world, cast }, copy)
    })
  }),

  'the store goes back between a look and its correction': doubtful(3, ({ world, cast }) => {
    const copy = world.store.copy()
    if (!copy.data.state) return
    let done = false
    const act = () => {
      if (!done && world.store.data.state) goBack({ world, cast }, copy)
      done = true
      return 0
    }
    for (const { process } of cast.lives) process.ambushes.set('correct', { when: 'before', act })
  }),

  'the store is emptied': doubtful(2, ({ world, cast }) => {
    world.count('the store was emptied')
    world.store.empty()
    want({ world, cast }, { prune: false })
  }),

  'the state alone is lost': doubtful(2, ({ world }) => {
    if (!world.store.data.state) return
    world.count('the state was lost')
    world.store.loseState()
  }),

  'a count is altered by hand': doubtful(4, (stage) => several(stage, plantCount)),
  'cells are altered by hand': doubtful(8, (stage) => several(stage, plantCells)),
  'a text is altered by hand': doubtful(6, (stage) => several(stage, plantText)),
  'an entry is made up by hand': doubtful(6, (stage) => several(stage, plantEntry)),
  'a row is removed by hand': doubtful(4, (stage) => several(stage, plantNoRow)),
  'an entry is removed by hand': doubtful(3, (stage) => several(stage, plantNothing)),

  'another declaration is applied': benign(5, (stage) => {
    const { cast, random, world } = stage
    const { first, later } = world.views
    // Going back to an earlier release is another change of the declaration.
    apply(stage, cast.wanted === later && random.chance(0.5) ? first : later)
  }),

  'a step is held up while the epoch turns': benign(9, (stage) => {
    const { world, cast, random } = stage
    if (cast.lives.length < 2) cast.start()
    const life = cast.coordinator() ?? cast.any(random)
    const method = random.pick(['turn', 'turn', 'turn', 'correct', 'correct', 'look', 'observe'])
    const ms = random.between(3_000, 14_000)
    life?.process.ambushes.set(method, { when: 'before', act: () => ms })
    const { first, later } = world.views
    world.scheduler.after(random.between(0, 2_000), () => {
      apply(stage, cast.wanted === later ? first : later)
    })
  }),

  'earlier declarations are ended': benign(4, (stage) => {
    const { world, cast, random } = stage
    if (cast.wanted === world.views.first) apply(stage, world.views.later)
    world.scheduler.after(random.between(0, 9_000), () => {
      const others = cast.lives.filter(({ own }) => own !== cast.wanted)
      for (const life of others) cast.replace(life)
      want({ world, cast }, { prune: true })
    })
  }),
}

export function goBack({ world, cast }: Pick<Stage, 'world' | 'cast'>, copy: StoreCopy): void {
  const { store, scheduler, random } = world
  world.count('the store went back')
  store.restore(copy)
  // What was applied since then is forgotten, and somebody applies it again.
  scheduler.after(random.faults.between(0, 3_000), () => {
    if (store.data.wanted?.declaration !== cast.wanted.id) want({ world, cast }, { prune: false })
  })
}

/** A release is applied and begins; processes of the former one are replaced, sooner or later. */
function apply(stage: Stage, own: OwnView): void {
  const { world, cast, random } = stage
  cast.wanted = own
  want(stage, { prune: false })
  const former = cast.lives
  cast.start()
  for (const life of former) {
    world.scheduler.after(random.between(0, 9_000), () => {
      if (life.process.alive && !life.over) cast.replace(life)
    })
  }
}

function benign(weight: number, play: Fault['play']): Fault {
  return { benign: true, weight, play }
}

function doubtful(weight: number, play: Fault['play']): Fault {
  return { benign: false, weight, play }
}

/** As the role `apply` asks for it. */
function want(
  { world, cast }: Pick<Stage, 'world' | 'cast'>,
  { prune }: { readonly prune: boolean },
): void {
  const { data } = world.store
  const before = data.wanted
  const kept = before?.declaration === cast.wanted.id ? before : undefined
  data.wanted = {
    declaration: cast.wanted.id,
    adopt: before?.adopt ?? true,
    prune: prune || (kept?.prune ?? false),
    sweep: kept?.sweep ?? [],
    letGo: before?.letGo,
  }
}

/** One to three, within some seconds. */
function several(stage: Stage, plant: (stage: Stage) => void): void {
  const { world, random } = stage
  for (let left = 1 + random.below(3); left > 0; left -= 1) {
    world.scheduler.after(random.between(0, 4_000), () => plant(stage))
  }
}

function plantCount(stage: Stage): void {
  const { world, random } = stage
  const { entries } = world.store.data
  const key = someEntry(stage)
  const held = key === undefined ? undefined : entries.get(key)
  if (!held || key === undefined) return
  const names = Object.keys(held.counts)
  if (names.length === 0) return
  const name = random.pick(names)
  const by = BigInt(1 + random.below(3)) * (random.chance(0.5) ? 1n : -1n)
  entries.set(key, { ...held, counts: { ...held.counts, [name]: held.counts[name]! + by } })
  planted(stage, key, [name])
}

/** An amount is altered, a cell is added or removed, or the whole tally is gone. */
function plantCells(stage: Stage): void {
  const { world, random } = stage
  const { entries, state } = world.store.data
  const some = someEntry(stage)
  if (some === undefined) return
  const names = mergedView(state!).layout.tallies.map(({ name }) => name)
  if (names.length === 0) return
  const found = random.chance(0.5) ? largestTally(entries, names) : undefined
  const { key, name } = found ?? { key: some, name: random.pick(names) }
  const held = entries.get(key)!
  const items = new Map(held.tallies?.get(name))
  const before = [...items.keys()]
  const how = random.pick(['altered', 'added', 'removed', 'emptied'])
  const item = before.length > 0 && how !== 'added' ? random.pick(before) : `${random.below(9)}`
  const by = BigInt(1 + random.below(3)) * (random.chance(0.5) ? 1n : -1n)
  if (how === 'emptied') items.clear()
  else if (how === 'removed') items.delete(item)
  else items.set(item, (items.get(item) ?? 0n) + by)
  if (items.get(item) === 0n) items.delete(item)
  const tallies = new Map(held.tallies)
  if (items.size > 0) tallies.set(name, items)
  else tallies.delete(name)
  const { tallies: _, ...rest } = held
  entries.set(key, tallies.size > 0 ? { ...rest, tallies } : rest)
  world.count(`cells were ${how} by hand`)
  if (before.length > cellsMax) world.count('cells of a large tally were altered by hand')
  planted(
    stage,
    key,
    [...new Set([...before, item])].map((each) => componentOf(name, each)),
  )
}

function largestTally(entries: ReadonlyMap<string, Held>, names: readonly string[]) {
  const all = [...entries].flatMap(([key, { tallies }]) =>
    names.map((name) => ({ key, name, size: tallies?.get(name)?.size ?? 0 })),
  )
  return all.toSorted((a, b) => b.size - a.size)[0]
}

function plantText(stage: Stage): void {
  const { entries } = stage.world.store.data
  const key = someEntry(stage)
  const held = key === undefined ? undefined : entries.get(key)
  if (!held?.fields || key === undefined) return
  entries.set(key, { ...held, fields: { ...held.fields, name: 'altered by hand' } })
  planted(stage, key, ['row'])
}

function plantEntry(stage: Stage): void {
  const { world, random } = stage
  const { entries, state } = world.store.data
  const user = random.pick(['7', '8', '99'])
  const key = world.family === 'windows' ? spelled([user, someStart(stage)]) : user
  if (!state || entries.has(key)) return
  const isOwned = world.family === 'users'
  const fields = random.chance(0.5) && isOwned ? { name: 'made up' } : null
  const [first] = mergedView(state).layout.presence
  const name = isOwned ? 'followerCount' : first!
  entries.set(key, { fields, counts: { [name]: 3n } })
  planted(stage, key, ['row', name])
}

/** About where the bound is. */
function someStart({ world, random }: Stage): string {
  const bound = world.store.data.state?.keepFrom ?? 0
  return momentText((bound + windowSeconds * (random.below(5) - 1)) * 1_000)
}

function plantNoRow(stage: Stage): void {
  const { world } = stage
  const { entries } = world.store.data
  const key = someEntry(stage)
  const held = key === undefined ? undefined : entries.get(key)
  if (!held || key === undefined || world.family !== 'users') return
  entries.set(key, { ...held, fields: null })
  planted(stage, key, ['row'])
}

function plantNothing(stage: Stage): void {
  const { entries } = stage.world.store.data
  const key = someEntry(stage)
  const held = key === undefined ? undefined : entries.get(key)
  if (!held || key === undefined) return
  entries.delete(key)
  const cells = [...(held.tallies ?? [])].flatMap(([name, items]) =>
    [...items.keys()].map((item) => componentOf(name, item)),
  )
  planted(stage, key, ['row', ...Object.keys(held.counts), ...cells])
}

function someEntry({ world, random }: Stage): string | undefined {
  const keys = [...world.store.data.entries.keys()]
  if (!world.store.data.state || keys.length === 0) return undefined
  return keys.includes('1') && random.chance(0.4) ? '1' : random.pick(keys)
}

function planted({ world }: Stage, key: string, components: readonly string[]): void {
  world.count('an error was planted')
  world.say(() => `planted: ${key} ${components.join()}`)
  for (const component of components) world.oracle.plant(key, component)
  world.store.altered(key)
  for (const hear of world.onPlanted) hear(key)
  world.oracle.sweepPlanted()
}
