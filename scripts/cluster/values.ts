/** The values of the chart that the tests set; everything else is as the chart has it. */
import { gitHubUrl, modelUrl } from './outside.ts'

export const image = { repository: 'tccw/agenticore', tag: 'cluster-test' }

/** What an ordinary user has no need of: the model and the GitHub of the tests, whose certificate a company's CA has signed. */
const variables = {
  ANTHROPIC_BASE_URL: modelUrl,
  GITHUB_API_URL: gitHubUrl,
  NODE_EXTRA_CA_CERTS: '/etc/company-ca/ca.pem',
  SSL_CERT_FILE: '/etc/company-ca/ca.pem',
}

export interface Values {
  readonly [name: string]: unknown
}

/** @param more values of the first level, laid over these */
export const valuesWith = (more: Values = {}): Values => ({
  image: { tag: image.tag },
  extraEnv: Object.entries(variables).map(([name, value]) => ({ name, value })),
  extraVolumes: [{ name: 'company-ca', configMap: { name: 'company-ca' } }],
  extraVolumeMounts: [{ name: 'company-ca', mountPath: '/etc/company-ca', readOnly: true }],
  ...more,
})
