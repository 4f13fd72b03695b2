import { readConfig } from '../../src/config.ts'
import { randomPorts } from '../../src/dev/ports.ts'
import { runApi } from '../../src/roles/api.ts'
import { userInformation } from '../../examples/social/user-information.ts'
import type { Readiness } from '../../src/web/statuses.ts'
import { until } from '../support/wait.ts'

const timeoutMs = 60_000

/** The environment of an API on a port of its own, whose store nobody listens for. */
async function environment() {
  const ports = await randomPorts()
  const redis = `redis://127.0.0.1:${ports.redis}`
  const env = { MILLRACE_API_PORT: String(ports.api), MILLRACE_LOG_LEVEL: 'fatal' }
  return { url: `http://127.0.0.1:${ports.api}`, env: { ...env, MILLRACE_REDIS: redis } }
}

test(
  'the API listens while its store is away, says why it is not ready, and ends when told',
  async () => {
    const { url, env } = await environment()
    const end = new AbortController()
    const project = { config: readConfig(env), views: [userInformation], path: undefined }
    const running = runApi(project, end.signal)
    try {
      await until('it listens', () => answers(`${url}/health`))
      await until('it says why', async () => (await reasonsOf(url)).includes('yet: redis: '))
      expect((await fetch(`${url}/ready`)).status).toBe(503)
      const read = await fetch(`${url}/users/1`)
      expect([read.status, read.headers.get('retry-after')]).toEqual([503, '1'])
      expect(await read.json()).toMatchObject({ title: 'The store can not be read' })
    } finally {
      end.abort()
    }
    await running
    await expect(fetch(`${url}/health`)).rejects.toThrow('fetch failed')
  },
  timeoutMs,
)

async function answers(url: string): Promise<boolean> {
  return fetch(url).then(
    ({ ok }) => ok,
    () => false,
  )
}

async function reasonsOf(url: string): Promise<string> {
  const { reasons } = (await (await fetch(`${url}/ready`)).json()) as Readiness
  return reasons.join()
}
