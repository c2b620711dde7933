// SPDX-License-Identifier: Apache-2.0

package credentials

import "testing"

func TestWhatWasPastedIsReadAsItWasMeant(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		value, key, password string
		unprintable          bool
	}{
		"as it is":                   {"AKIA", "AKIA", "AKIA", false},
		"echo":                       {"AKIA\n", "AKIA", "AKIA", false},
		"a file from Windows":        {"AKIA\r\n", "AKIA", "AKIA", false},
		"copied with what is around": {" AKIA\t\n", "AKIA", " AKIA\t", false},
		"spaces within":              {"horse battery", "horse battery", "horse battery", false},
		"beyond ASCII":               {"schlüssel", "schlüssel", "schlüssel", false},
		"wrapped":                    {"AK\nIA\n", "AK\nIA", "AK\nIA", true},
		"another encoding":           {"A\x00K\x00", "A\x00K\x00", "A\x00K\x00", true},
		"no encoding":                {"\xff\xfeAK", "\xff\xfeAK", "\xff\xfeAK", true},
		"a mark of the byte order":   {"\ufeffAKIA", "\ufeffAKIA", "\ufeffAKIA", true},
		"nothing":                    {"\n", "", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := Pasted([]byte(tc.value)); got != tc.key || Unprintable(got) != tc.unprintable {
				t.Errorf("key %q, unprintable: %t", got, Unprintable(got))
			}
			if got := PastedPassword([]byte(tc.value)); got != tc.password {
				t.Errorf("password %q", got)
			}
		})
	}
}
