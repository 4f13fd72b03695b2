import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

describe('the patch of kafkajs', () => {
  it('is missed by every reader when it is taken back', () => {
    const root = join(import.meta.dirname, '../..')
    const folder = mkdtempSync(join(tmpdir(), 'millrace-unpatched-'))
    try {
      cpSync(join(root, 'node_modules/kafkajs'), join(folder, 'node_modules/kafkajs'), {
        recursive: true,
      })
      cpSync(join(root, 'src'), join(folder, 'src'), { recursive: true })
      const patch = join(root, 'src/consume/kafka/patches/kafkajs+2.2.4.patch')
      execFileSync('git', ['apply', '-R', patch], { cwd: folder })
      const script = `
        import { assertPatched } from './src/consume/kafka/patch-check.ts'
        import { kafkaChangeLog } from './src/consume/kafka/kafka-change-log.ts'
        const say = ({ code }) => process.stdout.write(code + ' ')
        await assertPatched().catch(say)
        const log = { isLevelEnabled: () => false, debug: () => undefined }
        const changeLog = kafkaChangeLog({ brokers: ['127.0.0.1:1'], recordsMax: 1, log })
        const signal = new AbortController().signal
        const reader = changeLog.reader({ topic: 'users', partition: 0 }, signal)
        reader.seek(0n)
        await reader.next(10_000).catch(say)
        await changeLog.close()`
      const args = ['--no-warnings', '--input-type=module', '-e', script]
      const said = execFileSync(process.execPath, args, { cwd: folder, encoding: 'utf8' })
      expect(said).toBe('kafkajs-unpatched kafkajs-unpatched ')
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
})
