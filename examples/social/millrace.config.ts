import { defineConfig } from 'millrace'
import { userInformation } from './user-information.ts'

export default defineConfig({ views: [userInformation] })
