/** Consumer groups: who reads which partition, as far as each of them knows. */
import type { ChangeSource, PartitionReader } from '../../src/consume/change-source.ts'
import type { Process } from './process.ts'
import { SimulatedReader } from './topic-clients.ts'
import type { World } from './world.ts'

type Member = {
  readonly process: Process
  readonly give: (partition: number) => void
  readonly take: (partition: number) => void
}

const sessionTimeoutMs = 3_000

/** The group of one topic. A member that does not answer loses its partitions without knowing it. */
export class Group {
  readonly #world: World
  readonly #topic: string
  readonly #members = new Set<Member>()
  readonly #owners = new Map<number, Member>()
  #due = false

  constructor(world: World, topic: string) {
    this.#world = world
    this.#topic = topic
  }

  join(member: Member): void {
    this.#members.add(member)
    this.rebalance()
  }

  leave(member: Member): void {
    this.#members.delete(member)
    this.rebalance()
  }

  /** After a moment, and again when a session has run out meanwhile. */
  rebalance(afterMs = this.#world.random.group.between(20, 400)): void {
    if (this.#due) return
    this.#due = true
    this.#world.scheduler.after(afterMs, () => {
      this.#due = false
      this.#assign()
    })
  }

  /** To be told when a process has died or stands still. */
  missed(process: Process): void {
    this.#world.scheduler.after(sessionTimeoutMs, () => {
      for (const member of this.#members) {
        if (member.process !== process || (process.alive && !process.paused)) continue
        this.#members.delete(member)
        if (process.paused) this.#world.count('an owner stood still and lost its partitions')
      }
      this.rebalance()
    })
  }

  /** Members that were left out while they stood still come back. */
  returned(member: Member): void {
    if (this.#members.has(member)) return
    this.#members.add(member)
    this.rebalance()
  }

  isOwner(process: Process, partition: number): boolean {
    return this.#owners.get(partition)?.process === process
  }

  #assign(): void {
    const { broker, random } = this.#world
    const members = [...this.#members].filter(({ process }) => process.alive)
    const partitions = broker.topics.get(this.#topic)?.partitions.length
    // Who leads the group can't say who has what, and joins again.
    if (partitions === undefined) return this.rebalance(500)
    for (const [partition, member] of this.#owners) {
      if (partition >= partitions) this.#revoke(partition, member)
    }
    if (members.length === 0) return
    for (let partition = 0; partition < partitions; partition += 1) {
      const owner = this.#owners.get(partition)
      const stays = owner && members.includes(owner) && random.group.chance(0.6)
      const next = stays ? owner : random.group.pick(members)
      if (next === owner) continue
      if (owner) this.#revoke(partition, owner)
      this.#owners.set(partition, next)
      this.#world.say(() => `${this.#topic}/${partition} is given to ${next.process.name}`)
      next.process.after(random.group.between(5, 300), () => {
        if (this.#owners.get(partition) === next) next.give(partition)
      })
    }
  }

  /** The former owner hears of it when it hears of it: the next one may have begun. */
  #revoke(partition: number, member: Member): void {
    this.#owners.delete(partition)
    const { random } = this.#world
    member.process.after(random.group.between(5, 300), () => {
      if (this.#owners.get(partition) !== member) member.take(partition)
    })
  }
}

/** One member of a topic's group. */
export function changeSourceOf(world: World, process: Process, topic: string): ChangeSource {
  return {
    async run(own, signal) {
      const group = world.group(topic)
      const held = new Map<number, AbortController>()
      const running = new Set<Promise<void>>()
      const failed = Promise.withResolvers<void>()
      const ended = Promise.withResolvers<void>()
      const left = new AbortController()
      const over = AbortSignal.any([signal, left.signal])
      const keep = (partition: number, lost: AbortController) => {
        const at = { topic, partition }
        const reader: PartitionReader = new SimulatedReader({ world, process }, at, lost.signal)
        const kept = own(reader).catch(failed.reject)
        running.add(kept)
        void kept.then(() => running.delete(kept))
      }
      const member: Member = {
        process,
        give: (partition) => {
          if (signal.aborted || held.has(partition)) return
          const lost = new AbortController()
          held.set(partition, lost)
          keep(partition, lost)
        },
        take: (partition) => {
          held.get(partition)?.abort()
          held.delete(partition)
        },
      }
      const beat = async () => {
        while (!over.aborted) {
          group.returned(member)
          await process.clock.sleep(1_000, over)
        }
      }
      group.join(member)
      signal.addEventListener('abort', () => ended.resolve(), { once: true })
      if (signal.aborted) ended.resolve()
      const beating = beat()
      try {
        await Promise.race([ended.promise, failed.promise])
      } finally {
        left.abort()
        group.leave(member)
        for (const lost of held.values()) lost.abort()
        await Promise.all(running)
      }
      await beating
      if (!signal.aborted) await failed.promise
    },
  }
}
