// SPDX-License-Identifier: Apache-2.0

package pages

var english = map[string]string{
	"skip":    "Skip to content",
	"signIn":  "Sign in",
	"signOut": "Sign out",
	"footer":  "Who watches and who downloads is written down.",

	"welcomeTitle": "Meeting recordings",
	"welcomeText":  "Sign in with your company account to see the recordings that you may watch.",

	"listTitle": "My recordings",
	"listEmpty": "There is no recording that you may watch.",
	"listMore":  "There are more; only the newest are shown.",

	"player":          "Player",
	"play":            "Play",
	"playFailed":      "Playing does not work just now. Try again in a moment.",
	"playUnsupported": "This browser cannot play encrypted recordings. Use a current one, over https.",
	"noScript":        "The player needs JavaScript.",
	"noAssets":        "The player was not built into this gateway. Whoever runs it has to build it with “make web”.",
	"progress":        "Progress",

	"facts":      "About this recording",
	"untitled":   "Untitled recording",
	"department": "Department",
	"startedAt":  "Held",
	"duration":   "Length",
	"picture":    "Picture",
	"audioOnly":  "sound only",
	"expiresAt":  "Kept until",
	"never":      "no end set",

	"rights":       "What you may do",
	"download":     "Download",
	"may.View":     "Watch",
	"may.Download": "Download the file",
	"may.Share":    "Share with others",
	"may.Trash":    "Delete (can be undone)",
	"may.Restore":  "Undo a delete",
	"may.Purge":    "Delete for good",

	"state.Pending":    "Waiting",
	"state.Uploading":  "Waiting for the upload",
	"state.Processing": "Being processed",
	"state.Available":  "Ready",
	"state.Trashed":    "In the trash",
	"state.Failed":     "Could not be processed",
	"state.Erased":     "Erased",
	"state.other":      "Not available",

	"absentTitle":   "There is nothing here for you",
	"refusedTitle":  "You may not do this",
	"switchAccount": "Use another account",
	"toList":        "My recordings",

	"auditTitle":    "Not just now",
	"auditText":     "Access to recordings has to be written down, and that does not work at the moment, so nothing was opened.",
	"auditRemedy":   "Try again in a few minutes. If it stays like this, tell whoever runs the service.",
	"faultTitle":    "Something is broken",
	"faultText":     "The recording cannot be read at the moment.",
	"faultRemedy":   "Try again in a few minutes. If it stays like this, tell whoever runs the service.",
	"tooManyTitle":  "Too many requests",
	"tooManyText":   "So many requests came from you within a minute that this one was refused.",
	"tooManyRemedy": "Wait a minute, then try again.",
	"notReadyTitle": "Not ready yet",
	"notReadyText":  "The recording has no media that could be opened.",

	"signInTitle":  "Signing in did not work",
	"signInText":   "The identity provider's answer could not be used.",
	"signInRemedy": "Start again. If it does not help, tell whoever runs the service; the reason is in the log.",
	"crossTitle":   "Request refused",
	"crossText":    "The request came from another site.",
	"crossRemedy":  "Open the page itself and try again there.",

	"passwordTitle": "This link has a password",
	"passwordText":  "Whoever sent you the link has the password too. They should have given it to you another way.",
	"password":      "Password",
	"open":          "Open",
	"passwordWrong": "That is not the password.",
	"passwordWait":  "Too many tries. Wait %s seconds, then try again.",
}
