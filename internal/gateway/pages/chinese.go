// SPDX-License-Identifier: Apache-2.0

package pages

var chinese = map[string]string{
	"skip":    "跳到正文",
	"signIn":  "登录",
	"signOut": "退出登录",
	"footer":  "谁观看、谁下载，均有记录。",

	"welcomeTitle": "会议录制",
	"welcomeText":  "请使用公司账号登录，查看您有权观看的录制。",

	"listTitle": "我的录制",
	"listEmpty": "没有您可以观看的录制。",
	"listMore":  "还有更多录制，此处仅显示最新的部分。",

	"player":          "播放器",
	"play":            "播放",
	"playFailed":      "暂时无法播放，请稍后重试。",
	"playUnsupported": "此浏览器无法播放加密录制。请使用较新的浏览器，并通过 https 访问。",
	"noScript":        "播放器需要启用 JavaScript。",
	"noAssets":        "此网关未内置播放器。请管理员运行 “make web” 后重新构建。",
	"progress":        "进度",

	"facts":      "录制信息",
	"untitled":   "未命名的录制",
	"department": "部门",
	"startedAt":  "会议时间",
	"duration":   "时长",
	"picture":    "画面",
	"audioOnly":  "仅音频",
	"expiresAt":  "保留至",
	"never":      "未设期限",

	"rights":       "您的权限",
	"download":     "下载",
	"may.View":     "观看",
	"may.Download": "下载文件",
	"may.Share":    "分享给他人",
	"may.Trash":    "删除（可撤销）",
	"may.Restore":  "撤销删除",
	"may.Purge":    "彻底删除",

	"state.Pending":    "等待中",
	"state.Uploading":  "等待上传",
	"state.Processing": "处理中",
	"state.Available":  "可观看",
	"state.Trashed":    "在回收站中",
	"state.Failed":     "无法处理",
	"state.Erased":     "已抹除",
	"state.other":      "不可用",

	"absentTitle":   "这里没有可供您查看的内容",
	"refusedTitle":  "您无权进行此操作",
	"switchAccount": "使用其他账号",
	"toList":        "我的录制",

	"auditTitle":    "暂时无法访问",
	"auditText":     "访问录制必须留下记录，目前无法记录，因此没有打开任何内容。",
	"auditRemedy":   "请几分钟后重试。如果问题持续，请联系服务管理员。",
	"faultTitle":    "出现故障",
	"faultText":     "目前无法读取该录制。",
	"faultRemedy":   "请几分钟后重试。如果问题持续，请联系服务管理员。",
	"tooManyTitle":  "请求过多",
	"tooManyText":   "您在一分钟内发出的请求过多，此请求已被拒绝。",
	"tooManyRemedy": "请等待一分钟后重试。",
	"notReadyTitle": "尚未就绪",
	"notReadyText":  "该录制目前没有可打开的媒体。",

	"signInTitle":  "登录未成功",
	"signInText":   "身份提供方的回应无法使用。",
	"signInRemedy": "请重新开始。如果仍然无效，请联系服务管理员，原因已写入日志。",
	"crossTitle":   "请求被拒绝",
	"crossText":    "该请求来自其他网站。",
	"crossRemedy":  "请直接打开本页面后重试。",

	"passwordTitle": "此链接设有密码",
	"passwordText":  "发送链接的人知道密码，应已通过其他方式告知您。",
	"password":      "密码",
	"open":          "打开",
	"passwordWrong": "密码不正确。",
	"passwordWait":  "尝试次数过多。请等待 %s 秒后重试。",
}
