import type { ConnectorChanges } from '../plan/words.ts'

/**
 * Who captures, and where the registry is: Connect finds both in its own environment, so that no
 * password lies in Kafka, where Connect keeps the settings of connectors.
 */
export const fromEnvironment: ConnectorChanges = {
  'database.hostname': '${env:MILLRACE_CAPTURE_HOST}',
  'database.port': '${env:MILLRACE_CAPTURE_PORT}',
  'database.dbname': '${env:MILLRACE_CAPTURE_DATABASE}',
  'database.user': '${env:MILLRACE_CAPTURE_USER}',
  'database.password': '${env:MILLRACE_CAPTURE_PASSWORD}',
  'key.converter.apicurio.registry.url': '${env:MILLRACE_CAPTURE_REGISTRY}',
  'value.converter.apicurio.registry.url': '${env:MILLRACE_CAPTURE_REGISTRY}',
}
