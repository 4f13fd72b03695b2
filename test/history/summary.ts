import { readFileSync } from 'node:fs'
import { versions as servers } from '../../src/dev/versions.ts'
import { lsnText, type Violation } from './checker.ts'
import { slowestHealMs } from './plant-audit.ts'
import { runSql, type Scene } from './scene.ts'
import type { Session } from './session.ts'

/** Shorter runs need not show every kind of fault. */
export const everyKindFromMinutes = 10

/** One line that says how far a run is. */
export function progressLine(session: Session, elapsedMs: number): string {
  const { faults, readers, watch, history, violations, judging, checker } = session
  const { api, redis, refused } = readers.tally
  const doubts = watch.standing?.doubts ?? []
  return [
    `${(elapsedMs / 60_000).toFixed(1)} min`,
    `${history.transactions} commits`,
    `${api} API and ${redis} Redis reads`,
    `${refused} refused`,
    `${checker.tally.judged} judged`,
    `${judging.waiting} wait`,
    `${faults.effective} faults`,
    `${watch.verdicts.looks} looks`,
    `watermark ${lsnText(checker.watermark)}`,
    `doubts ${doubts.length === 0 ? 'none' : [...new Set(doubts)].join(' ')}`,
    `${violations.length} violations`,
  ].join(', ')
}

/** What a run came to, as a table. */
export function summaryOf(session: Session, given: { minutes: number; seed: number }): string {
  const { faults, readers, watch, history, histories, checker, violations } = session
  const { tally } = checker
  const { verdicts } = watch
  const { doubted, all } = session.excuses.noticed
  const rows: readonly (readonly [what: string, value: string | number])[] = [
    ['minutes', given.minutes],
    ['seed', given.seed],
    ['versions', session.versions],
    ['transactions committed', history.transactions],
    ['component changes', histories.changes],
    ['reads by the API', `${readers.tally.api}, of absent users ${readers.tally.absent}`],
    ['reads from Redis', readers.tally.redis],
    ['reads refused, each with a reason', readers.tally.refused],
    ['reads judged', `${tally.judged}, held to one single state ${tally.exact}`],
    ['components that were wrong under a doubt', tally.doubted],
    ['components that were wrong before it was noticed', tally.unnoticed],
    ['components that showed a planted error', tally.planted],
    ['faults with an effect', faults.effective],
    ['blind faults, of which raised a doubt', `${all}, ${doubted}`],
    ['errors planted', plantsLine(session)],
    ['slowest healing of them, seconds', (slowestHealMs(session.plants) / 1_000).toFixed(0)],
    ['looks', `${verdicts.looks} at ${verdicts.entries} entries`],
    ['wrong entries found', `${verdicts.planted} planted, ${verdicts.blind} not told by the log`],
    ['epochs', watch.epochs],
    ['rests at which Redis equals SQL', session.rests],
    ['violations', violations.length],
  ]
  const kinds = faults
    .rows()
    .map(({ kind, tried, effective }) => [kind, `${effective} of ${tried}`])
  const doubts = [...watch.doubtsRaised].map(([code, times]) => [`doubt ${code}`, times])
  return [
    ...rows,
    ['', ''],
    ...kinds,
    ['', ''],
    ...doubts,
    ...byKind(violations).map(([kind, times]) => [`violation ${kind}`, times]),
  ]
    .map(([what, value]) => `  ${String(what).padEnd(52)} ${value}`.trimEnd())
    .join('\n')
}

function plantsLine({ plants }: Session): string {
  const written = plants.all.filter(({ lostBy }) => lostBy !== 'there was no entry')
  const reported = written.filter(({ reportedMs }) => reportedMs !== undefined).length
  const lost = written.filter(({ lostBy }) => lostBy !== undefined).length
  const open = plants.open.length
  const rest = written.length - reported - lost - open
  return `${written.length}: ${reported} reported, ${lost} flushed, ${rest} overwritten or healed in a kill, ${open} stand`
}

function byKind(violations: readonly Violation[]): readonly (readonly [string, number])[] {
  const counts = new Map<string, number>()
  for (const { kind } of violations) counts.set(kind, (counts.get(kind) ?? 0) + 1)
  return [...counts]
}

/** Of what was tested and of the servers that it was tested with. */
export async function versionsOf({
  chain,
  redis,
}: Pick<Scene, 'chain' | 'redis'>): Promise<string> {
  const path = new URL('../../package.json', import.meta.url)
  const { version } = JSON.parse(readFileSync(path, 'utf8')) as { version: string }
  const [row] = await runSql({ chain }, 'show server_version')
  const info = await redis.info('server')
  return [
    `millrace ${version}`,
    `node ${process.versions.node}`,
    `postgres ${row!['server_version']!.split(' ')[0]}`,
    `redis ${/redis_version:(\S+)/.exec(info)?.[1]}`,
    `kafka ${servers.kafka}`,
    `debezium ${servers.debezium}`,
    `apicurio ${servers.apicurio}`,
  ].join(', ')
}
