// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// RecordingStore is object storage of the organisation where recordings live: an S3 endpoint, how buckets are laid out
// on it, the key that encrypts them, and which namespaces may use it.
//
// A recording that names no store uses the one called default.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Cluster,shortName=rstore,categories=reelkeeper
// +kubebuilder:printcolumn:name="State",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Endpoint",type=string,JSONPath=`.spec.s3.endpoint`
// +kubebuilder:printcolumn:name="Layout",type=string,JSONPath=`.spec.buckets.layout`
// +kubebuilder:printcolumn:name="Buckets",type=integer,JSONPath=`.status.buckets`
// +kubebuilder:printcolumn:name="Recordings",type=integer,JSONPath=`.status.usage.recordings`
// +kubebuilder:printcolumn:name="Bytes",type=integer,JSONPath=`.status.usage.bytes`,priority=1
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`,priority=1
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type RecordingStore struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the standard object metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty,omitzero"`

	// spec says where and how recordings are stored.
	// +required
	Spec RecordingStoreSpec `json:"spec,omitzero"`

	// status says whether the store works, and what its server can do.
	// +optional
	// +kubebuilder:default={conditions: {{type: "Ready", status: "Unknown", reason: "Pending", message: "Waiting for the controller", lastTransitionTime: "1970-01-01T00:00:00Z"}}}
	Status RecordingStoreStatus `json:"status,omitempty,omitzero"`
}

// RecordingStoreList is a list of RecordingStore.
//
// +kubebuilder:object:root=true
type RecordingStoreList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []RecordingStore `json:"items"`
}

// RecordingStoreSpec says where and how recordings are stored.
//
// +kubebuilder:validation:XValidation:rule="!has(self.buckets.name) || !has(self.intake) || !has(self.intake.imports) || self.intake.imports.all(i, i.bucket != self.buckets.name && !i.bucket.startsWith(self.buckets.name + '-'))",message="intake.imports must not name a bucket that holds recordings"
// +kubebuilder:validation:XValidation:rule="has(self.s3.bucketInfoSecretRef) || has(self.buckets.name)",message="buckets.name is needed: only a store whose bucket a BucketInfo Secret names goes without"
// +kubebuilder:validation:XValidation:rule="!has(self.s3.bucketInfoSecretRef) || self.buckets.layout == 'Shared'",message="a BucketInfo Secret names one bucket: s3.bucketInfoSecretRef goes with buckets.layout Shared"
type RecordingStoreSpec struct {
	// s3 is the endpoint and how to speak to it.
	// +required
	S3 S3Endpoint `json:"s3,omitzero"`

	// buckets says how recordings are laid out.
	// +required
	Buckets BucketLayoutSpec `json:"buckets,omitzero"`

	// encryption names the key that wraps the recordings' own keys.
	// +required
	Encryption EncryptionSpec `json:"encryption,omitzero"`

	// allowedNamespaces picks by label the namespaces whose recordings may use the store; {} picks all of them.
	// +required
	AllowedNamespaces *metav1.LabelSelector `json:"allowedNamespaces,omitempty"`

	// intake bounds what may come in.
	// +optional
	Intake IntakeSpec `json:"intake,omitempty,omitzero"`

	// delivery says which way media comes to the players. Absent is Proxy.
	// +optional
	Delivery Delivery `json:"delivery,omitempty"`

	// quota bounds how much may be stored.
	// +optional
	Quota QuotaSpec `json:"quota,omitempty,omitzero"`

	// purgeGuard bounds how much of the store may be deleted for good within an hour. Absent is as with its fields absent.
	// +optional
	PurgeGuard PurgeGuardSpec `json:"purgeGuard,omitempty,omitzero"`

	// integrity says how often and how fast what is stored is compared with its manifest. Absent is every 30d, at 10Mi a second.
	// +optional
	Integrity IntegritySpec `json:"integrity,omitempty,omitzero"`
}

// Delivery says which way media comes to the players. Downloads always come through the gateway.
//
// +kubebuilder:validation:Enum=Proxy;Direct
type Delivery string

const (
	// DeliveryProxy sends everything through the gateway, which checks each segment and gives it out at the speed of watching.
	DeliveryProxy Delivery = "Proxy"
	// DeliveryDirect lets players fetch the encrypted segments from the object store, by presigned URLs that last no longer than the
	// view. The gateway gives out the playlist and the key only: it neither sees nor slows down what is fetched. The buckets need
	// s3.cors with the gateway's origin, and people's browsers have to reach the object store.
	DeliveryDirect Delivery = "Direct"
)

// S3Endpoint is an S3-compatible service.
//
// +kubebuilder:validation:ExactlyOneOf=credentialsSecretRef;bucketInfoSecretRef
// +kubebuilder:validation:XValidation:rule="has(self.endpoint) == has(self.credentialsSecretRef)",message="endpoint and credentialsSecretRef go together; with bucketInfoSecretRef, the Secret says where the bucket is"
// +kubebuilder:validation:XValidation:rule="!has(self.region) || !has(self.bucketInfoSecretRef)",message="with bucketInfoSecretRef, the Secret says which region the bucket is in: leave region away"
type S3Endpoint struct {
	// endpoint is the address of the service: scheme, host and, where it is not the scheme's own, port. It may change, for a
	// service that has moved together with what it holds: a store's buckets are known by the object reelkeeper-store.json in
	// them, and where that is missing or another store's, nothing is written and the condition BucketsReady says WrongBucket.
	// +optional
	// +kubebuilder:validation:MinLength=8
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:XValidation:rule="self.matches(r'^https?://[A-Za-z0-9.:\\[\\]-]+/?$')",message="write http:// or https://, the host and, if it has one, the port, such as https://minio.storage:9000; the bucket belongs into buckets.name"
	Endpoint string `json:"endpoint,omitempty"`

	// publicEndpoint is the address at which people's browsers reach the service, where that is another one than endpoint. It is
	// written as endpoint is, and used for nothing but delivery Direct.
	// +optional
	// +kubebuilder:validation:MinLength=8
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:XValidation:rule="self.matches(r'^https?://[A-Za-z0-9.:\\[\\]-]+/?$')",message="write http:// or https://, the host and, if it has one, the port, such as https://recordings-media.example.com"
	PublicEndpoint string `json:"publicEndpoint,omitempty"`

	// region is the region that requests are signed for. Absent is us-east-1.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	Region string `json:"region,omitempty"`

	// addressing says where the bucket's name goes: Path, into the path, which every server understands, or VirtualHost, before
	// the host name. Absent is Path.
	// +optional
	Addressing Addressing `json:"addressing,omitempty"`

	// checksums says whether uploads carry the checksum trailers of newer S3 clients, which several servers refuse. Off sends none,
	// also for multipart uploads. Absent is Auto: only where the probe has shown that the server takes them.
	// +optional
	Checksums ChecksumRule `json:"checksums,omitempty"`

	// caBundle are the PEM certificates that the endpoint's certificate is checked against, in place of the system's.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=65536
	CABundle string `json:"caBundle,omitempty"`

	// credentialsSecretRef names a Secret with the keys accessKeyID and secretAccessKey, and sessionToken where there is one. A
	// changed Secret counts at once.
	// +optional
	CredentialsSecretRef SecretReference `json:"credentialsSecretRef,omitempty,omitzero"`

	// bucketInfoSecretRef names a Secret that a COSI driver (Container Object Storage Interface) has made for a BucketAccess. Its key
	// BucketInfo is JSON that says where the bucket is and holds the credentials. It takes the place of endpoint, region,
	// credentialsSecretRef and buckets.name. The bucket is the driver's: it is neither made nor given CORS or lifecycle rules.
	// +optional
	BucketInfoSecretRef SecretReference `json:"bucketInfoSecretRef,omitempty,omitzero"`

	// cors lets pages of other origins read recordings' ciphertext straight from the object store, where the server can say so.
	// Absent leaves the rules of the buckets as they are.
	// +optional
	CORS CORSSpec `json:"cors,omitempty,omitzero"`
}

// CORSSpec says whose pages may read from the buckets.
type CORSSpec struct {
	// allowedOrigins are the origins: scheme, host and, where it is not the scheme's own, port.
	// +required
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MinLength=8
	// +kubebuilder:validation:items:MaxLength=256
	// +kubebuilder:validation:items:Pattern=`^https?://[A-Za-z0-9.:\[\]-]+$`
	AllowedOrigins []string `json:"allowedOrigins,omitempty"`
}

// Addressing says where a bucket's name goes in a request.
//
// +kubebuilder:validation:Enum=Path;VirtualHost
type Addressing string

const (
	// AddressingPath puts the bucket into the path.
	AddressingPath Addressing = "Path"
	// AddressingVirtualHost puts the bucket before the host name.
	AddressingVirtualHost Addressing = "VirtualHost"
)

// ChecksumRule says whether uploads carry checksum trailers.
//
// +kubebuilder:validation:Enum=Auto;Off
type ChecksumRule string

const (
	// ChecksumsAuto sends them where the server was seen to take them.
	ChecksumsAuto ChecksumRule = "Auto"
	// ChecksumsOff sends none.
	ChecksumsOff ChecksumRule = "Off"
)

// BucketLayoutSpec says how recordings are laid out in buckets.
//
// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="buckets cannot change, recordings would be lost from sight: make a new RecordingStore instead"
type BucketLayoutSpec struct {
	// layout is Shared, one bucket for all namespaces, or PerNamespace, one bucket for each.
	// +required
	Layout BucketLayout `json:"layout,omitempty"`

	// name is the bucket (Shared), or what the buckets' names start with (PerNamespace, followed by a dash and the namespace). It
	// is absent, or the same, where a BucketInfo Secret names the bucket.
	// +optional
	// +kubebuilder:validation:MinLength=3
	// +kubebuilder:validation:MaxLength=48
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([a-z0-9-]*[a-z0-9])?$')",message="a bucket's name has lower-case letters, digits and dashes, and begins and ends with a letter or digit"
	Name string `json:"name,omitempty"`

	// objectLock is the mode of S3 Object Lock that buckets are made with, None for buckets without it. Absent is None.
	// +optional
	ObjectLock ObjectLockMode `json:"objectLock,omitempty"`
}

// BucketLayout says how many buckets there are.
//
// +kubebuilder:validation:Enum=Shared;PerNamespace
type BucketLayout string

const (
	// LayoutShared keeps all namespaces in one bucket, each under its own prefix.
	LayoutShared BucketLayout = "Shared"
	// LayoutPerNamespace makes a bucket for each namespace when it is first needed.
	LayoutPerNamespace BucketLayout = "PerNamespace"
)

// ObjectLockMode is the mode of S3 Object Lock.
//
// +kubebuilder:validation:Enum=None;Governance;Compliance
type ObjectLockMode string

const (
	// ObjectLockNone makes buckets without object lock.
	ObjectLockNone ObjectLockMode = "None"
	// ObjectLockGovernance makes buckets whose locks privileged users can lift.
	ObjectLockGovernance ObjectLockMode = "Governance"
	// ObjectLockCompliance makes buckets whose locks nobody can lift.
	ObjectLockCompliance ObjectLockMode = "Compliance"
)

// EncryptionSpec names the key-encryption keyset.
//
// +kubebuilder:validation:XValidation:rule="(has(self.keyGeneration) ? self.keyGeneration : 1) >= (has(oldSelf.keyGeneration) ? oldSelf.keyGeneration : 1)",message="encryption.keyGeneration can only grow: keys that were replaced do not come back"
type EncryptionSpec struct {
	// keySecretRef names the Secret that holds the keyset under the key keyset.json. It is made if it does not exist and
	// never replaced: whoever loses it loses every recording of the store, so back it up.
	// +required
	KeySecretRef SecretReference `json:"keySecretRef,omitzero"`

	// keyGeneration counts the keys that the keyset has had. Raising it rotates: a new key is added to the keyset, the keys of all
	// recordings are wrapped with it, and keys that nothing needs any more are retired. Media is not touched. It can only
	// grow. Absent is 1.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000000
	KeyGeneration int64 `json:"keyGeneration,omitempty"`
}

// IntakeSpec bounds what may come in.
//
// +kubebuilder:validation:MinProperties=1
type IntakeSpec struct {
	// maxSize is the greatest size of a raw recording. Absent is 50Gi.
	// +optional
	MaxSize *resource.Quantity `json:"maxSize,omitempty"`

	// imports are buckets of the same endpoint from which recordings may take their media by source.object.
	// +optional
	// +listType=map
	// +listMapKey=bucket
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	Imports []ImportBucket `json:"imports,omitempty"`

	// urls lets recordings take their media from https addresses by source.url. Absent refuses that: whoever may make a recording
	// could else have the workers call any address. urls: {namespaces: {}} opens it to every public address.
	// +optional
	URLs URLIntake `json:"urls,omitempty,omitzero"`
}

// URLIntake bounds from where recordings may be fetched.
//
// +kubebuilder:validation:XValidation:rule="!has(self.privateAddresses) || self.privateAddresses == 'Forbidden' || has(self.hosts)",message="privateAddresses Allowed needs hosts: name those of your own network that may be called"
type URLIntake struct {
	// namespaces picks by label the namespaces that may fetch; {} picks all that may use the store.
	// +required
	Namespaces *metav1.LabelSelector `json:"namespaces,omitempty"`

	// hosts are the host names that may be called, such as media.example.com, or *.example.com for all names below example.com.
	// They hold for redirects too. Absent is every host.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=253
	// +kubebuilder:validation:items:Pattern=`^(\*\.)?[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$`
	Hosts []string `json:"hosts,omitempty"`

	// privateAddresses is Allowed where hosts may have addresses of private networks, of carriers' shared space, or of the
	// loopback. Link-local addresses, and those where clouds hand out credentials, are refused in any case. Absent is Forbidden.
	// +optional
	PrivateAddresses PrivateAddressRule `json:"privateAddresses,omitempty"`

	// caBundle are the PEM certificates that the hosts' certificates are checked against, in place of the system's.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=65536
	CABundle string `json:"caBundle,omitempty"`
}

// PrivateAddressRule says whether media may be fetched from private addresses.
//
// +kubebuilder:validation:Enum=Forbidden;Allowed
type PrivateAddressRule string

const (
	// PrivateAddressesForbidden refuses every address that is not on the public Internet.
	PrivateAddressesForbidden PrivateAddressRule = "Forbidden"
	// PrivateAddressesAllowed takes private, shared and loopback addresses too.
	PrivateAddressesAllowed PrivateAddressRule = "Allowed"
)

// ImportBucket is a bucket that recordings may take their media from.
type ImportBucket struct {
	// bucket is the bucket's name.
	// +required
	// +kubebuilder:validation:MinLength=3
	// +kubebuilder:validation:MaxLength=63
	Bucket string `json:"bucket,omitempty"`

	// namespaces picks by label the namespaces that may take from the bucket; {} picks all that may use the store.
	// +required
	Namespaces *metav1.LabelSelector `json:"namespaces,omitempty"`
}

// QuotaSpec bounds how much may be stored.
//
// +kubebuilder:validation:MinProperties=1
type QuotaSpec struct {
	// perNamespace is how much the recordings of one namespace may take up: what is stored, the trash and what was deleted but
	// can still be restored included, and what is on its way. A recording that would go beyond waits until there is room.
	// +optional
	PerNamespace *resource.Quantity `json:"perNamespace,omitempty"`
}

// SecretReference names a Secret.
type SecretReference struct {
	// namespace is the Secret's namespace.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Namespace string `json:"namespace,omitempty"`

	// name is the Secret's name.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`
}

// RecordingStoreStatus says whether the store works.
//
// +kubebuilder:validation:MinProperties=1
type RecordingStoreStatus struct {
	// conditions are Ready, EndpointReachable, KeysetReady, BucketsReady, KeysRotated, CORSReady where spec.s3.cors is set, once the
	// purge guard has stopped something, PurgesAllowed and, only while they are False, Consistent (something in the buckets does not
	// fit the recordings) and TrashReadable (deleted recordings wait for a key that is missing).
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// observedGeneration is the generation that the status speaks of.
	// +optional
	// +kubebuilder:validation:Minimum=1
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// capabilities are what the server was seen to do when it was probed. What is missing, the controllers do themselves.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	Capabilities []StoreCapability `json:"capabilities,omitempty"`

	// keyID names the key of the keyset that wraps new recordings' keys.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	KeyID string `json:"keyID,omitempty"`

	// buckets is how many buckets the store has.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Buckets *int32 `json:"buckets,omitempty"`

	// location says where the store was last seen to be. Elsewhere nothing is read or written until it is seen to be the same.
	// +optional
	Location StoreLocation `json:"location,omitempty,omitzero"`

	// usage is how much the store's recordings take up. It is brought up to date when it has moved by more than a hundredth, and
	// otherwise every ten minutes.
	// +optional
	Usage StoreUsage `json:"usage,omitempty,omitzero"`

	// orphans counts what in the buckets does not fit the recordings. It is looked at every ten minutes, and nothing of it is ever removed
	// by itself. Absent where everything fits.
	// +optional
	Orphans StoreOrphans `json:"orphans,omitempty,omitzero"`

	// purgesStopped says when and why the purge guard stopped purging. Absent while purging goes on.
	// +optional
	PurgesStopped PurgesStopped `json:"purgesStopped,omitempty,omitzero"`

	// keys says how far the recordings' keys follow the keyset, and which rotation is under way.
	// +optional
	Keys KeysStatus `json:"keys,omitempty,omitzero"`
}

// StoreOrphans counts what of a store does not fit together. `kubectl reelkeeper orphans` lists it.
//
// +kubebuilder:validation:MinProperties=1
type StoreOrphans struct {
	// media is of how many recordings there is media, older than an hour, but neither a MeetingRecording nor a trace of its deletion.
	// Absent is none.
	// +optional
	// +kubebuilder:validation:Minimum=1
	Media int32 `json:"media,omitempty"`

	// oldestMediaTime is when the oldest of that media was written. Absent where media is.
	// +optional
	OldestMediaTime metav1.Time `json:"oldestMediaTime,omitempty,omitzero"`

	// recordings is how many MeetingRecordings say that they have media which is not there. Absent is none.
	// +optional
	// +kubebuilder:validation:Minimum=1
	Recordings int32 `json:"recordings,omitempty"`
}

// StoreLocation says where a store is.
type StoreLocation struct {
	// id is what the object reelkeeper-store.json in the bucket says.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	ID string `json:"id,omitempty"`

	// endpoint is the address of the service.
	// +required
	// +kubebuilder:validation:MinLength=8
	// +kubebuilder:validation:MaxLength=512
	Endpoint string `json:"endpoint,omitempty"`

	// bucket is the bucket that holds that object.
	// +required
	// +kubebuilder:validation:MinLength=3
	// +kubebuilder:validation:MaxLength=63
	Bucket string `json:"bucket,omitempty"`
}

// StoreUsage is how much a store's recordings take up.
type StoreUsage struct {
	// recordings is how many MeetingRecordings name the store.
	// +required
	// +kubebuilder:validation:Minimum=0
	Recordings *int32 `json:"recordings,omitempty"`

	// bytes is how much media they have in it, the trash included.
	// +required
	// +kubebuilder:validation:Minimum=0
	Bytes *int64 `json:"bytes,omitempty"`

	// deletedRecordings is how many recordings were deleted and can still be restored. The buckets are looked at for them every ten
	// minutes.
	// +optional
	// +kubebuilder:validation:Minimum=0
	DeletedRecordings *int32 `json:"deletedRecordings,omitempty"`

	// deletedBytes is how much lies in the buckets of recordings that were deleted and can still be restored.
	// +optional
	// +kubebuilder:validation:Minimum=0
	DeletedBytes *int64 `json:"deletedBytes,omitempty"`
}

// StoreCapability is something that not every S3 server can do.
//
// +kubebuilder:validation:Enum=Versioning;ObjectLock;ConditionalWrites;Lifecycle;Tagging;CORS;Checksums
type StoreCapability string

const (
	// CapabilityVersioning keeps old versions of objects.
	CapabilityVersioning StoreCapability = "Versioning"
	// CapabilityObjectLock refuses to delete locked versions.
	CapabilityObjectLock StoreCapability = "ObjectLock"
	// CapabilityConditionalWrites honours If-None-Match and If-Match on writes.
	CapabilityConditionalWrites StoreCapability = "ConditionalWrites"
	// CapabilityLifecycle runs lifecycle rules.
	CapabilityLifecycle StoreCapability = "Lifecycle"
	// CapabilityTagging keeps tags on objects.
	CapabilityTagging StoreCapability = "Tagging"
	// CapabilityCORS answers browsers of other origins.
	CapabilityCORS StoreCapability = "CORS"
	// CapabilityChecksums takes checksum trailers.
	CapabilityChecksums StoreCapability = "Checksums"
)
