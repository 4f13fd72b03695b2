import { MillraceError } from '../errors.ts'
import { urlsOf, type ChainEnv } from './chain-env.ts'
import { brokerAnswers } from './servers/kafka.ts'
import { postgresAnswers } from './servers/postgres.ts'
import { redisAnswers } from './servers/redis.ts'

const callTimeoutMs = 3_000

/** Throws while the server of this name doesn't answer; roles without an address always do. */
export async function answers(name: string, env: ChainEnv): Promise<void> {
  const urls = urlsOf(env)
  switch (name) {
    case 'postgres':
      return postgresAnswers(env.MILLRACE_SOURCE_ADMIN ?? '')
    case 'redis':
      return redisAnswers(urls.redis)
    case 'kafka':
      return brokerAnswers(urls.kafka)
    case 'registry':
      return httpAnswers(`${urls.registry}/subjects`)
    case 'connect':
      return httpAnswers(`${urls.connect}/connectors`)
    case 'api':
      return httpAnswers(`${urls.api}/health`)
    default:
      return undefined
  }
}

async function httpAnswers(url: string): Promise<void> {
  const response = await fetch(url, { signal: AbortSignal.timeout(callTimeoutMs) })
  await response.body?.cancel()
  if (!response.ok) throw new MillraceError('not-ready', `${url} answers ${response.status}`)
}
