import assert from 'node:assert/strict'
import { test } from 'node:test'
import { slugify } from './slugify.js'

test('one dash between words, none at the ends', () => {
  assert.equal(slugify('Hello, World!'), 'hello-world')
})
