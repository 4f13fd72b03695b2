import { createServer } from 'node:net'
import { MillraceError } from '../errors.ts'

export const portNames = [
  'postgres',
  'kafka',
  'kafkaController',
  'registry',
  'connect',
  'redis',
  'api',
] as const
export type PortName = (typeof portNames)[number]
export type Ports = Readonly<Record<PortName, number>>

export const usualPorts: Ports = {
  postgres: 5432,
  kafka: 9092,
  kafkaController: 9093,
  registry: 8081,
  connect: 8083,
  redis: 6379,
  api: 8080,
}
/** A busy port is followed by tries at this distance, so that a chain's ports stay alike. */
const stepToNext = 100
const triesMax = 50

/** Ports that somebody has asked for, each with the variable or setting that does. */
export type AskedPorts = {
  readonly [Name in PortName]?: { readonly port: number; readonly where: string }
}

/**
 * Ports for a chain: those that are asked for, and then a busy one is an error that names it; else
 * the one of the last start; else a free one near the usual.
 */
export async function choosePorts(asked: AskedPorts, remembered: Partial<Ports>): Promise<Ports> {
  const chosen: Partial<Record<PortName, number>> = {}
  for (const name of portNames) {
    const taken = Object.values(chosen)
    chosen[name] =
      (await freePort(asked[name])) ??
      (await firstFree([remembered[name] ?? usualPorts[name], ...near(usualPorts[name])], taken))
  }
  return chosen as Ports
}

/** Free ports from below the range that the system gives to outgoing connections. */
export async function randomPorts(): Promise<Ports> {
  const chosen: Partial<Record<PortName, number>> = {}
  for (const name of portNames) {
    const tries = Array.from(
      { length: triesMax },
      () => 12_000 + Math.floor(Math.random() * 20_000),
    )
    chosen[name] = await firstFree(tries, Object.values(chosen))
  }
  return chosen as Ports
}

/** `kafkaController` -> `MILLRACE_PORT_KAFKA_CONTROLLER`. */
export function portVariable(name: PortName): string {
  return `MILLRACE_PORT_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`
}

/** What `MILLRACE_PORT_*` ask for. Throws `config` for what is no port. */
export function givenPorts(env: Readonly<Record<string, string | undefined>>): AskedPorts {
  const given = portNames.flatMap((name) => {
    const where = portVariable(name)
    const text = env[where]
    return text ? [[name, { port: portOf(where, text), where }] as const] : []
  })
  return Object.fromEntries(given)
}

function portOf(variable: string, text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0
  if (port >= 1 && port <= 65_535) return port
  throw new MillraceError('config', `${variable}=${text} is not a port`, {
    hint: 'A port is a whole number from 1 to 65535.',
  })
}

async function freePort(asked: AskedPorts[PortName]): Promise<number | undefined> {
  if (asked === undefined || (await isFree(asked.port))) return asked?.port
  const { port, where } = asked
  throw new MillraceError('port-busy', `port ${port} (${where}) is in use`, {
    hint: `End what listens there (ss -ltnp 'sport = :${port}' shows it), or leave ${where} out.`,
  })
}

function near(port: number): number[] {
  return Array.from({ length: triesMax }, (_, tries) => port + tries * stepToNext)
}

async function firstFree(candidates: readonly number[], taken: readonly number[]): Promise<number> {
  for (const port of candidates) {
    if (!taken.includes(port) && (await isFree(port))) return port
  }
  throw new MillraceError('port-busy', `no free port near ${candidates[0]}`, {
    hint: `Name free ones by ${portNames.map(portVariable).join(', ')}.`,
  })
}

function isFree(port: number): Promise<boolean> {
  return new Promise((answer) => {
    const server = createServer()
    server.once('error', () => answer(false))
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
      server.close(() => answer(true))
    })
  })
}
