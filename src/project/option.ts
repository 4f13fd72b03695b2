import { text } from '../arguments.ts'

/** Of every command that reads the configuration. */
export const configOption = text('PATH', 'the configuration file, else millrace.config.ts here')
