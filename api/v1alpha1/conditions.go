// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// Types of conditions. Every kind with a status has Ready; its reason is the state that people see.
const (
	// ConditionReady sums up: the object does what it is for.
	ConditionReady = "Ready"
	// ConditionAccepted says that the spec is inside what policies allow.
	ConditionAccepted = "Accepted"
	// ConditionConflicted says that something in a policy can have no effect, and why: on the policy that yields.
	ConditionConflicted = "Conflicted"
	// ConditionStored says that the raw media has arrived in the store.
	ConditionStored = "Stored"
	// ConditionProcessed says that the media is packaged, encrypted and verified.
	ConditionProcessed = "Processed"
	// ConditionRecoverable says that the bucket alone is enough to make the recording again.
	ConditionRecoverable = "Recoverable"
	// ConditionLocked says that a legal hold or a retention lock keeps the recording, until when, and who enforces it: the bucket
	// too, or the API server alone. It is there only while that is so.
	ConditionLocked = "Locked"
	// ConditionLockApplied is False while the bucket does not enforce what it should: it refused to lock what is kept, or to lift what keeps
	// nothing any more. It is there only while that is so.
	ConditionLockApplied = "LockApplied"
	// ConditionErased says what became of the wish to destroy the recording's key. It is there only where there is the wish.
	ConditionErased = "Erased"
	// ConditionRetained says which rule decides how long the recording stays, and until when. It is False once the recording is on
	// its way out: in the trash, with nothing that keeps it there.
	ConditionRetained = "Retained"
	// ConditionExpiring says that the recording goes to the trash soon. It is there only while that is so.
	ConditionExpiring = "Expiring"
	// ConditionRetentionAccepted says whether the recording gets the time to live that its spec.retention asks for.
	ConditionRetentionAccepted = "RetentionAccepted"
	// ConditionStalled says that nothing more happens until a person does something; kstatus reads it as failed. It is there
	// only while that is so.
	ConditionStalled = "Stalled"
	// ConditionNotified on an AccessRequest says whether the organisation's webhook has taken the message that is due. Its reason is what
	// the message says: whose turn it is to answer, or what became of the request. Absent where there is no webhook.
	ConditionNotified = "Notified"
	// ConditionApproved says that somebody has approved a request. It is True, or not there.
	ConditionApproved = "Approved"
	// ConditionDenied says that somebody has denied a request. It is True, or not there.
	ConditionDenied = "Denied"
	// ConditionEndpointReachable says that the store's endpoint takes its credentials and keeps what is written.
	ConditionEndpointReachable = "EndpointReachable"
	// ConditionKeysetReady says that the key-encryption keyset is there and can be read.
	ConditionKeysetReady = "KeysetReady"
	// ConditionBucketsReady says that every bucket is there and set up as the spec says.
	ConditionBucketsReady = "BucketsReady"
	// ConditionCORSReady says that browsers of the origins in spec.s3.cors may read from the buckets. The store is ready without.
	ConditionCORSReady = "CORSReady"
	// ConditionPurgesAllowed says whether recordings that are due leave the trash for good. It is False while the purge guard waits
	// for a person, and there only once the guard has stopped something.
	ConditionPurgesAllowed = "PurgesAllowed"
	// ConditionConsistent is False on a RecordingStore whose buckets and recordings do not fit together; status.orphans counts what. It is
	// there only while that is so.
	ConditionConsistent = "Consistent"
	// ConditionTrashReadable is False on a RecordingStore where deleted recordings are due that cannot be purged, because nobody can tell
	// whether they may go. It is there only while that is so.
	ConditionTrashReadable = "TrashReadable"
	// ConditionKeysRotated says that the key of every recording in the store is wrapped with the newest key of the keyset.
	ConditionKeysRotated = "KeysRotated"
	// ConditionIntact is False on a MeetingRecording whose stored media was found to differ from its manifest. It is there only
	// while that is so.
	ConditionIntact = "Intact"
)

// Reasons that several kinds share.
const (
	// ReasonPending says that no controller has looked yet.
	ReasonPending = "Pending"
	// ReasonAvailable says that all is well.
	ReasonAvailable = "Available"
)

// Reasons of a MeetingRecording's Ready condition.
const (
	// ReasonUploading waits for somebody to send the media.
	ReasonUploading = "Uploading"
	// ReasonProcessing packages and encrypts the media.
	ReasonProcessing = "Processing"
	// ReasonTrashed lies in the trash until status.purgeAt.
	ReasonTrashed = "Trashed"
	// ReasonPurging is being deleted for good.
	ReasonPurging = "Purging"
	// ReasonFailed cannot become available; the message says why and what to do.
	ReasonFailed = "Failed"
	// ReasonUploadExpired says that nobody sent the media in time.
	ReasonUploadExpired = "UploadExpired"
	// ReasonStoreNotReady waits for the RecordingStore.
	ReasonStoreNotReady = "StoreNotReady"
	// ReasonStoreNotFound names a RecordingStore that does not exist.
	ReasonStoreNotFound = "StoreNotFound"
	// ReasonNamespaceNotAllowed says that the store is not open to this namespace.
	ReasonNamespaceNotAllowed = "NamespaceNotAllowed"
	// ReasonQuotaExceeded waits for room in the namespace's quota.
	ReasonQuotaExceeded = "QuotaExceeded"
	// ReasonImportNotAllowed names a bucket that the store does not let recordings import from.
	ReasonImportNotAllowed = "ImportNotAllowed"
	// ReasonSourceNotFound names an object that does not exist.
	ReasonSourceNotFound = "SourceNotFound"
	// ReasonURLNotAllowed says that the store does not let the recording fetch from the address that it names.
	ReasonURLNotAllowed = "UrlNotAllowed"
	// ReasonSourceForbidden says that the server of a source.url refuses to give the media.
	ReasonSourceForbidden = "SourceForbidden"
	// ReasonAddressNotAllowed says that a source.url leads, by its name or by a redirect, to an address that is not called.
	ReasonAddressNotAllowed = "AddressNotAllowed"
	// ReasonChecksumMismatch says that the media is not what spec.source.url.sha256 says.
	ReasonChecksumMismatch = "ChecksumMismatch"
	// ReasonRecordingDisabled says that the policy forbids recording.
	ReasonRecordingDisabled = "RecordingDisabled"
	// ReasonAdoptNotFound says that the store has nothing of what the recording is to adopt: its time in the trash was over.
	ReasonAdoptNotFound = "AdoptNotFound"
	// ReasonAdoptDamaged says that what the store has of it cannot be read or is not authentic.
	ReasonAdoptDamaged = "AdoptDamaged"
	// ReasonAdoptTaken says that another MeetingRecording has it.
	ReasonAdoptTaken = "AdoptTaken"
	// ReasonAdoptMismatch says that the recording is not what the store says of it.
	ReasonAdoptMismatch = "AdoptMismatch"
	// ReasonStateNotWritten says that the store does not know yet what the recording has become.
	ReasonStateNotWritten = "StateNotWritten"
	// ReasonMediaMissing says that the media or its manifest is gone from the bucket.
	ReasonMediaMissing = "MediaMissing"
	// ReasonErased says that the recording's key is destroyed: what is left in the bucket is noise.
	ReasonErased = "Erased"
)

// Reasons of a MeetingRecording's Locked, LockApplied and Erased conditions.
const (
	// ReasonHeld says that a legal hold lies on the recording.
	ReasonHeld = "Held"
	// ReasonGovernance says that a retention lock lies on it that those with the RBAC verb bypass can lift.
	ReasonGovernance = "Governance"
	// ReasonCompliance says that a retention lock lies on it that nobody can lift.
	ReasonCompliance = "Compliance"
	// ReasonLockRefused is LockApplied's where the bucket protects the recording less than it should.
	ReasonLockRefused = "LockRefused"
	// ReasonLiftRefused is LockApplied's where the bucket goes on protecting what nothing keeps any more, or no longer so much.
	ReasonLiftRefused = "LiftRefused"
	// ReasonErasureForbidden says that the policy does not let keys be destroyed; the message names the rule.
	ReasonErasureForbidden = "ErasureForbidden"
	// ReasonLocked says that the bucket itself does not let go of an object yet.
	ReasonLocked = "Locked"
)

// Reasons of a MeetingRecording's Retained condition.
const (
	// ReasonHold keeps it as long as there is a legal hold.
	ReasonHold = "Hold"
	// ReasonPaused keeps it until a policy can be understood again.
	ReasonPaused = "Paused"
	// ReasonLock keeps it until the retention lock ends.
	ReasonLock = "Lock"
	// ReasonExpireAfter moves it to the trash at the end of its time.
	ReasonExpireAfter = "ExpireAfter"
	// ReasonUnwatchedAfter moves it to the trash when nobody has watched it for long enough.
	ReasonUnwatchedAfter = "UnwatchedAfter"
	// ReasonTrashFor deletes it for good at the end of its time in the trash.
	ReasonTrashFor = "TrashFor"
	// ReasonNothing keeps it: no rule says that it goes.
	ReasonNothing = "Nothing"
)

// Reasons of a MeetingRecording's RetentionAccepted condition.
const (
	// ReasonWithinPolicy says that spec.retention holds as it stands.
	ReasonWithinPolicy = "WithinPolicy"
	// ReasonBounded says that the policy allows less than spec.retention asks for.
	ReasonBounded = "Bounded"
)

// Reasons of a RecordingStore's PurgesAllowed condition.
const (
	// ReasonPurgeGuard says that more was about to be purged than the guard lets through without a person.
	ReasonPurgeGuard = "PurgeGuard"
	// ReasonWithinBounds says that purging goes on.
	ReasonWithinBounds = "WithinBounds"
)

// Reasons why a recording is not Intact, besides MediaMissing. KeyMissing is also why a store's trash is not TrashReadable.
const (
	// ReasonDamaged says that stored bytes are not those that were packaged.
	ReasonDamaged = "Damaged"
	// ReasonKeyMissing says that the keyset lacks the key that the recording's own key is wrapped with.
	ReasonKeyMissing = "KeyMissing"
)

// Reasons why media can never be processed.
const (
	// ReasonEmpty has no bytes.
	ReasonEmpty = "Empty"
	// ReasonTruncated is cut off beyond use.
	ReasonTruncated = "Truncated"
	// ReasonNotAVideo is not a media file of a kind that is taken.
	ReasonNotAVideo = "NotAVideo"
	// ReasonEncrypted is encrypted by somebody else.
	ReasonEncrypted = "Encrypted"
	// ReasonTooLarge is larger than the store takes.
	ReasonTooLarge = "TooLarge"
)

// Reasons of a RecordingStore's conditions.
const (
	// ReasonCredentialsNotFound names a Secret that does not exist or lacks a key.
	ReasonCredentialsNotFound = "CredentialsNotFound"
	// ReasonBadCredentials says that the server does not know the access key or refuses the signature.
	ReasonBadCredentials = "BadCredentials"
	// ReasonForbidden says that the credentials are good but not allowed to do this.
	ReasonForbidden = "Forbidden"
	// ReasonNoSuchHost says that the endpoint's name does not resolve.
	ReasonNoSuchHost = "NoSuchHost"
	// ReasonUnreachable says that nothing answers at the endpoint.
	ReasonUnreachable = "Unreachable"
	// ReasonTLS says that the endpoint's certificate is not trusted.
	ReasonTLS = "TLS"
	// ReasonWrongRegion says that the server is of another region.
	ReasonWrongRegion = "WrongRegion"
	// ReasonObjectLockUnsupported says that the server, or the bucket, cannot lock objects.
	ReasonObjectLockUnsupported = "ObjectLockUnsupported"
	// ReasonBucketTaken says that the bucket belongs to somebody else, or to another RecordingStore, which the message names.
	ReasonBucketTaken = "BucketTaken"
	// ReasonWrongBucket says that the bucket is not the one that the store's recordings are in.
	ReasonWrongBucket = "WrongBucket"
	// ReasonClaimedElsewhere says that the store works for another cluster, which the message names together with what to do.
	ReasonClaimedElsewhere = "ClaimedElsewhere"
	// ReasonBucketInfoInvalid says that a BucketInfo Secret cannot be used.
	ReasonBucketInfoInvalid = "BucketInfoInvalid"
	// ReasonNotSupported says that the server cannot do what the spec asks for.
	ReasonNotSupported = "NotSupported"
	// ReasonKeysetInvalid says that the keyset cannot be read, or is not the one that the recordings were encrypted with.
	ReasonKeysetInvalid = "KeysetInvalid"
	// ReasonOrphansFound says that there is media without a recording, or a recording without its media.
	ReasonOrphansFound = "OrphansFound"
	// ReasonRotating says that a rotation of keys is under way.
	ReasonRotating = "Rotating"
	// ReasonRotationIncomplete says that the keys of some recordings could not be wrapped with the newest key.
	ReasonRotationIncomplete = "RotationIncomplete"
	// ReasonSelectorInvalid says that a label selector makes no sense.
	ReasonSelectorInvalid = "SelectorInvalid"
	// ReasonStoreError is any other error of the object store.
	ReasonStoreError = "StoreError"
)

// Reasons of a policy's conditions.
const (
	// ReasonEnforced says that the policy holds.
	ReasonEnforced = "Enforced"
	// ReasonTrial says that the policy is only tried out.
	ReasonTrial = "Trial"
	// ReasonValid says that everything in the policy can be understood.
	ReasonValid = "Valid"
	// ReasonInvalid says that something in the policy cannot be understood; the message says what it means until then.
	ReasonInvalid = "Invalid"
	// ReasonNoConflict says that everything in the policy can have an effect.
	ReasonNoConflict = "NoConflict"
	// ReasonOverridden says that an organisation's override bounds what the policy asks for.
	ReasonOverridden = "Overridden"
	// ReasonShadowed says that another policy comes first wherever this one could decide.
	ReasonShadowed = "Shadowed"
	// ReasonNoEffect says that something in the policy has no effect beside the rest of it.
	ReasonNoEffect = "NoEffect"
)

// Reasons of an AccessGrant's conditions.
const (
	// ReasonGranted says that the grant counts.
	ReasonGranted = "Granted"
	// ReasonNotYet says that the grant begins to count at spec.notBefore.
	ReasonNotYet = "NotYet"
	// ReasonExpired says that the grant has ended.
	ReasonExpired = "Expired"
	// ReasonRecordingNotFound names a recording that does not exist.
	ReasonRecordingNotFound = "RecordingNotFound"
	// ReasonRecordingGone says that the recording that a grant was for is gone. The grant has ended: it does not come back with
	// another recording of that name.
	ReasonRecordingGone = "RecordingGone"
	// ReasonForbiddenByPolicy says that a policy does not allow the grant; the message names it.
	ReasonForbiddenByPolicy = "ForbiddenByPolicy"
	// ReasonPasswordNotFound names a Secret that does not exist or lacks the key password.
	ReasonPasswordNotFound = "PasswordNotFound"
	// ReasonSecretTaken says that a Secret of the name that the grant's own would have belongs to somebody else.
	ReasonSecretTaken = "SecretTaken"
)

// Reasons of an AccessRequest's Ready condition, besides Pending, Granted, Expired, RecordingNotFound and those of its grant.
const (
	// ReasonApproved says that the request is approved and its grant on the way.
	ReasonApproved = "Approved"
	// ReasonDenied says that the request is denied; the condition Denied says why.
	ReasonDenied = "Denied"
	// ReasonNotAllowed says that the policy does not let this be granted, whoever approves; the message names the rule.
	ReasonNotAllowed = "NotAllowed"
	// ReasonApproverNotEntitled says that who approved through the gateway was not entitled to.
	ReasonApproverNotEntitled = "ApproverNotEntitled"
	// ReasonRevoked says that somebody has deleted the grant.
	ReasonRevoked = "Revoked"
	// ReasonEnded says that what was granted has ended.
	ReasonEnded = "Ended"
	// ReasonNoticeFailed is the reason of an Event: a message could not be delivered to the organisation's webhook.
	ReasonNoticeFailed = "NoticeFailed"
	// ReasonBrokenOff is the reason of an AuditEvent: of a download that ended, less was sent than was asked for.
	ReasonBrokenOff = "BrokenOff"
)

// Labels, annotations and finalizers.
const (
	// FinalizerMedia keeps a MeetingRecording until what it has in the bucket is in the trash or gone.
	FinalizerMedia = "reelkeeper.io/media"
	// FinalizerGrant keeps an AccessGrant until its end is in the audit log.
	FinalizerGrant = "reelkeeper.io/grant"
	// AnnotationDeleteInUse lets somebody with the verb bypass on recordingstores delete a RecordingStore that recordings still use.
	// Its value is the reason.
	AnnotationDeleteInUse = "reelkeeper.io/delete-in-use"
	// LabelRecordingUID carries the UID of the MeetingRecording that an object works for.
	LabelRecordingUID = "reelkeeper.io/recording-uid"
	// LabelAuditAction and LabelAuditOutcome carry what an AuditEvent is about, so that events can be found, and told apart by those
	// who see only metadata.
	LabelAuditAction  = "reelkeeper.io/action"
	LabelAuditOutcome = "reelkeeper.io/outcome"
	// LabelAuditReason carries the code of why: how a download ended, for example.
	LabelAuditReason = "reelkeeper.io/reason"
	// LabelRecordingNamespace carries the namespace of the MeetingRecording that an object works for.
	LabelRecordingNamespace = "reelkeeper.io/recording-namespace"
	// AnnotationTakeOver lets a RecordingStore take its bucket over from another cluster, which must be gone for good. Its value is the ID of
	// that cluster's claim, which the condition ClaimedElsewhere shows, so that it is good once.
	AnnotationTakeOver = "reelkeeper.io/take-over"
	// AnnotationRecordingName carries the name of the MeetingRecording that an object works for; names can be longer than labels.
	AnnotationRecordingName = "reelkeeper.io/recording-name"
	// AnnotationNotified on the AuditEvent of a download says when the recording's owners were told.
	AnnotationNotified = "reelkeeper.io/notified"
	// AnnotationDownload on an AuditEvent names the download that it is about: its start, its end, and what is loaded of it later have the
	// same.
	AnnotationDownload = "reelkeeper.io/download"
	// AnnotationResumed on the AuditEvent of a download says that a later part of the file was asked for, as programs do that go on
	// with what broke off, or load parts side by side. It holds "true", or is not there.
	AnnotationResumed = "reelkeeper.io/resumed"
	// AnnotationAttempt carries the number of a processing attempt, from 1.
	AnnotationAttempt = "reelkeeper.io/attempt"
	// AnnotationBypassLock lifts a Governance lock; its value is the reason. Setting it takes the RBAC verb bypass.
	AnnotationBypassLock = "reelkeeper.io/bypass-lock" //nolint:gosec // the key of an annotation
	// AnnotationBypassLockBy is who set AnnotationBypassLock. It can only name who sends the request.
	AnnotationBypassLockBy = "reelkeeper.io/bypass-lock-by" //nolint:gosec // the key of an annotation
	// AnnotationHoldsBy is who changed spec.holds last. It can only name who sends the request.
	AnnotationHoldsBy = "reelkeeper.io/holds-by"
	// AnnotationGrantedBy is who made an AccessGrant. It can only name who sends the request, or whom the gateway names: a person who
	// signed in there. It never changes.
	AnnotationGrantedBy = "reelkeeper.io/granted-by"
	// AnnotationStateBy is who changed spec.state last. It can only name who sends the request.
	AnnotationStateBy = "reelkeeper.io/state-by"
	// AnnotationKeyGeneration carries, on the Secret with a keyset, the key generation that its newest key was made for, and
	// AnnotationKeyID which key that is. They are written together with the key, so that no generation gets two.
	AnnotationKeyGeneration = "reelkeeper.io/key-generation"
	// AnnotationKeyID carries the ID of the newest key.
	AnnotationKeyID = "reelkeeper.io/key-id"
)
