/** Faults of Millrace's own processes, and of the servers that they ask. */
import type { Fault, Stage } from './faults.ts'
import type { Ambush } from './process.ts'
import type { World } from './world.ts'

/** Calls at which a process may be caught: each a step of a barrier, a look, a turn, a correction. */
const methods: readonly string[] = [
  'commit',
  'turn',
  'correct',
  'progress',
  'publish',
  'open',
  'observe',
  'want',
  'advance',
  'sweep',
  'look',
  'truth',
  'mark',
  'ends',
  'committed',
  'raise',
  'lease',
  'bounds',
  'unsettled',
  'scan',
  'checkpoints',
  'barriers',
  'fullPace',
  'restart',
  'moment',
]
const rare = new Set(['turn', 'correct', 'progress', 'publish', 'open', 'observe', 'want', 'sweep'])

export const processFaults: Readonly<Record<string, Fault>> = {
  'a worker is killed': benign(6, ({ cast, random }) => {
    const life = cast.any(random)
    if (life) cast.kill(life, random.between(50, 5_000))
  }),

  'the coordinator is killed': benign(4, ({ cast, random }) => {
    const life = cast.coordinator()
    if (life) cast.kill(life, random.between(50, 8_000))
  }),

  'a worker stands still': benign(4, ({ world, cast, random }) => {
    const life = cast.any(random)
    if (life) world.pause(life, random.between(50, 12_000))
  }),

  'the coordinator stands still': benign(5, ({ world, cast, random }) => {
    const life = cast.coordinator()
    if (life) world.pause(life, random.between(3_000, 14_000))
  }),

  'a worker is caught at a step': benign(18, (stage) => {
    const { cast, random } = stage
    const method = random.chance(0.65) ? random.pick([...rare]) : random.pick(methods)
    const ambush = ambushOf(stage)
    for (const { process } of cast.lives) process.ambushes.set(method, ambush)
  }),

  'a worker joins': benign(4, ({ cast }) => {
    if (cast.lives.length < 3) cast.start()
  }),

  'a worker is replaced': benign(3, ({ cast, random }) => {
    const life = cast.any(random)
    if (life) cast.replace(life)
  }),

  'all workers are killed': benign(1, ({ cast, random }) => {
    for (const life of cast.lives) cast.kill(life, random.between(50, 9_000))
  }),

  'partitions are spread anew': benign(4, ({ world, random }) => {
    for (let turn = 0; turn < 1 + random.below(4); turn += 1) {
      world.scheduler.after(random.between(0, 3_000), () => {
        for (const table of world.views.tables) world.groupOf(table).rebalance(0)
      })
    }
  }),

  'a wall clock jumps': benign(7, ({ world, cast, random }) => {
    const ms = random.pick([-3_600_000, 3_600_000, 90_000, -90_000])
    const whose = random.pick(['source', 'broker', 'store', 'worker'] as const)
    switch (whose) {
      case 'source':
        world.sourceOffsetMs += ms
        break
      case 'broker':
        world.brokerOffsetMs += ms
        break
      case 'store':
        world.store.wallOffsetMs += ms
        break
      case 'worker': {
        const life = cast.any(random)
        if (!life) return
        life.process.wallOffsetMs += ms
      }
    }
    world.count(`the wall clock of the ${whose} jumped`)
  }),

  'calls to the store go wrong': benign(7, (stage) => trouble(stage, 'store')),
  'calls to the broker go wrong': benign(5, (stage) => trouble(stage, 'broker')),
  'calls to the source go wrong': benign(4, (stage) => trouble(stage, 'source')),
  'calls to Connect go wrong': benign(4, (stage) => trouble(stage, 'connect')),
  'calls to the registry go wrong': benign(5, (stage) => trouble(stage, 'registry')),
  'the store is away': benign(3, (stage) => away(stage, 'store')),
  'the broker is away': benign(3, (stage) => away(stage, 'broker')),
  'Connect is away': benign(2, (stage) => away(stage, 'connect')),
  'the registry is away': benign(3, (stage) => away(stage, 'registry')),
}

function benign(weight: number, play: Fault['play']): Fault {
  return { benign: true, weight, play }
}

/** Whoever comes first is killed there, stands still, or what it asks for comes late. */
function ambushOf({ world, cast, random }: Stage): Ambush {
  const what = random.pick(['is killed', 'stands still', 'is held up'] as const)
  const ms = random.between(50, what === 'is held up' ? 9_000 : 12_000)
  let done = false
  return {
    when: what === 'is held up' || random.chance(0.5) ? 'before' : 'after',
    act: (process) => {
      const life = cast.lives.find((each) => each.process === process)
      if (done || !life) return 0
      done = true
      world.count(`a worker ${what} at a step`)
      if (what === 'is held up') return ms
      if (what === 'is killed') cast.kill(life, random.between(50, 5_000))
      else world.pause(life, ms)
      return 0
    },
  }
}

function trouble({ world, random }: Stage, name: keyof World['services']): void {
  const service = world.services[name]
  service.trouble = random.between(0.05, 0.5)
  world.scheduler.after(random.between(300, 6_000), () => {
    service.trouble = 0
  })
}

function away({ world, random }: Stage, name: keyof World['services']): void {
  const service = world.services[name]
  service.down = true
  world.scheduler.after(random.between(100, 8_000), () => {
    service.down = false
  })
}
