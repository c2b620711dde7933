// SPDX-License-Identifier: Apache-2.0

package pages

// chineseReasons translate the explanations of package access, which are English: what to tell about a reason (why.), what the
// person can do (todo.), and the word for a permission (do.). {do} and {when} are filled in.
var chineseReasons = map[string]string{
	"why.RequestsForbidden":  "此类录制不接受访问申请。",
	"todo.RequestsForbidden": "请会议主持人与您分享。",

	"why.AlreadyPermitted":  "您已拥有所申请的权限。",
	"todo.AlreadyPermitted": "请直接打开录制。",

	"why.OwnRequest":  "任何人不得处理自己的申请。",
	"todo.OwnRequest": "请等待其他负责人处理。",

	"why.NotSignedIn":  "您尚未登录。",
	"todo.NotSignedIn": "请使用公司账号登录。",

	"why.Unverified":  "您的邮箱地址未经验证。",
	"todo.Unverified": "请在身份提供方验证邮箱地址，然后重新登录。",

	"why.NotInternal":  "此账号不属于本组织。",
	"todo.NotInternal": "请使用公司账号而非个人账号登录，或请主持人与您分享。",

	"why.OtherDepartment":  "只有特定部门可以访问此录制，您所在的部门不在其中。",
	"todo.OtherDepartment": "请联系会议主持人；由管理员决定哪些部门可以访问。",

	"why.NotInvited":  "只有受邀者可以访问此录制。",
	"todo.NotInvited": "请会议主持人与您分享。",

	"why.NotPermitted":  "您无权{do}此录制。",
	"todo.NotPermitted": "请会议主持人允许您{do}。",

	"why.LabelForbids":  "您在组织中的身份不允许{do}此录制。",
	"todo.LabelForbids": "请联系管理员。",

	"why.OrganisationForbids":  "组织不允许您{do}此录制。",
	"todo.OrganisationForbids": "请联系管理员：主持人无权放行。",

	"why.ConditionNotMet":  "只有满足特定条件时才可{do}此录制，目前条件未满足。",
	"todo.ConditionNotMet": "请向管理员了解具体条件。",

	"why.ConditionBroken":  "决定您能否{do}此录制的规则无法正常工作。",
	"todo.ConditionBroken": "请管理员修正该规则。",

	"why.GrantNotReady":  "与您的分享目前无效。",
	"todo.GrantNotReady": "请联系分享者：授权对象中说明了无效的原因。",

	"why.GrantNotYet":  "与您的分享将于 {when} 生效。",
	"todo.GrantNotYet": "请届时再来。",

	"why.GrantExpired":  "链接已于 {when} 过期。",
	"todo.GrantExpired": "请分享者提供新的链接。",

	"why.GrantUsedUp":  "链接的使用次数已用完。",
	"todo.GrantUsedUp": "请分享者提供新的链接。",

	"why.PasswordNeeded":  "与您的分享需要密码。",
	"todo.PasswordNeeded": "请打开收到的链接并输入密码。",

	"why.LinksForbidden":  "此类录制不可分享。",
	"todo.LinksForbidden": "请联系管理员。",

	"why.PasswordRequired":  "此类录制只能凭密码分享。",
	"todo.PasswordRequired": "请分享者设置密码。",

	"why.ExpiryRequired":  "此类录制的分享必须设定截止时间。",
	"todo.ExpiryRequired": "请分享者设定截止时间。",

	"why.ExpiryTooLate":  "此类录制的分享时间更短：最迟至 {when}。",
	"todo.ExpiryTooLate": "请分享者以更早的截止时间重新分享。",

	"why.ExternalForbidden":  "此类录制不可分享至组织之外。",
	"todo.ExternalForbidden": "如果您有公司账号，请使用公司账号登录。",

	"why.AnyoneForbidden":  "此类录制不可通过任何人可用的链接分享。",
	"todo.AnyoneForbidden": "请分享者指定您为分享对象。",
	"why.PublicForbidden":  "此类录制不可分享给整个群组，也不可通过任何人可用的链接分享。",
	"todo.PublicForbidden": "请分享者指定您为分享对象。",

	"why.PermissionForbidden":  "组织不允许授予此权限。",
	"todo.PermissionForbidden": "请联系管理员。",

	"why.Trashed":  "该录制在回收站中。",
	"todo.Trashed": "请会议创建者或主持人将其恢复。",

	"why.Held":  "该录制处于依法保留状态。",
	"todo.Held": "请联系设定保留的人。",

	"why.Locked":  "该录制必须保留至 {when}。",
	"todo.Locked": "请等到届时。",

	"why.RecordingDisabled":  "此类会议不进行录制。",
	"todo.RecordingDisabled": "请联系管理员。",

	"why.NotFound":  "没有此录制，或者未与您分享。",
	"todo.NotFound": "请检查链接，并请会议主持人与您分享此录制。",

	"do.View":     "观看",
	"do.Download": "下载",
	"do.Share":    "分享",
	"do.Trash":    "删除",
	"do.Restore":  "恢复",
	"do.Purge":    "彻底删除",
}
