// SPDX-License-Identifier: Apache-2.0

// Package browser tests the gateway's pages in a real browser: Chromium, driven by Playwright. One `go test` starts
// everything; the steps in the browser are in pages.test.mjs.
package browser
