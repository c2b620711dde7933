// SPDX-License-Identifier: Apache-2.0

package notice

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/policy"
	"github.com/reelkeeper/reelkeeper/internal/requests"
	"github.com/reelkeeper/reelkeeper/internal/webhook"
)

// The types of messages.
const (
	// typeRequested asks those whose turn it is first to answer a request, typeEscalated those who come after.
	typeRequested = "access.requested"
	typeEscalated = "access.escalated"
	// typeGranted, typeDenied and typeExpired tell a requester what became of the request.
	typeGranted = "access.granted"
	typeDenied  = "access.denied"
	typeExpired = "access.expired"
	// typeDownloaded tells owners of a download when it starts, typeDigest of those of a day.
	typeDownloaded = "recording.downloaded"
	typeDigest     = "recording.downloads"
)

// recipient is somebody whom a message is for: a person by their e-mail address, or a group, department or role label, whose
// members the identity provider knows.
type recipient struct {
	Kind v1alpha1.SubjectKind `json:"kind"`
	Name string               `json:"name"`
}

func recipients(subjects []v1alpha1.GrantSubject) []recipient {
	list := make([]recipient, 0, len(subjects))
	for _, s := range subjects {
		list = append(list, recipient{s.Kind, s.Name})
	}
	return list
}

// about names a recording. Its title is confidential and stays out; the link shows it to those who may know it.
type about struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	Link      string `json:"link,omitempty"`
}

// requestData is the data of a message about a request.
type requestData struct {
	Recipients   []recipient           `json:"recipients"`
	Request      string                `json:"request"`
	Recording    about                 `json:"recording"`
	Requester    string                `json:"requester"`
	Membership   v1alpha1.Membership   `json:"membership,omitempty"`
	Permissions  []v1alpha1.Permission `json:"permissions"`
	Reason       string                `json:"reason"`
	Duration     v1alpha1.Duration     `json:"duration"`
	AnswerBy     *time.Time            `json:"answerBy,omitempty"`
	DecidedBy    string                `json:"decidedBy,omitempty"`
	Message      string                `json:"message,omitempty"`
	GrantedUntil *time.Time            `json:"grantedUntil,omitempty"`
}

// notice is a message, and how its object remembers that it was sent.
type notice struct {
	message webhook.Message
	// mark names what is told: whose turn it is, or what became of the request.
	mark string
}

// noticeOf returns what has to be told of a request now, nil for nothing.
func noticeOf(request *v1alpha1.AccessRequest, link string) *notice {
	data := requestData{
		Request:     request.Name,
		Recording:   about{request.Namespace, request.Spec.RecordingRef.Name, link},
		Requester:   request.Spec.Requester.Name,
		Membership:  request.Spec.Requester.Membership,
		Permissions: request.Spec.Permissions,
		Reason:      request.Spec.Reason,
		Duration:    request.Spec.Duration,
	}
	if turn := &request.Status.WaitingFor; turn.Line != "" {
		return asking(request, turn, data)
	}
	return telling(request, data)
}

// asking asks those whose turn it is.
func asking(request *v1alpha1.AccessRequest, turn *v1alpha1.RequestTurn, data requestData) *notice {
	data.Recipients, data.AnswerBy = recipients(turn.Subjects), new(turn.Until.UTC())
	kind := typeRequested
	if turn.Since.After(request.CreationTimestamp.Time) {
		kind = typeEscalated
	}
	return newNotice(request, kind, string(turn.Line), turn.Since.Time, data)
}

// telling tells the requester what became of it. What the policies never let be granted they were told when they asked, and what
// was granted ends when they were told that it would.
func telling(request *v1alpha1.AccessRequest, data requestData) *notice {
	ready := meta.FindStatusCondition(request.Status.Conditions, v1alpha1.ConditionReady)
	if ready == nil || ready.ObservedGeneration != request.Generation {
		return nil
	}
	answer := requests.AnswerOf(request)
	data.Recipients = []recipient{{v1alpha1.SubjectUser, request.Spec.Requester.Name}}
	data.DecidedBy, data.Message = request.Status.DecidedBy.Name, answer.Message
	switch ready.Reason {
	case v1alpha1.ReasonGranted:
		data.GrantedUntil = new(request.Status.GrantedUntil.UTC())
		return newNotice(request, typeGranted, ready.Reason, answer.At, data)
	case v1alpha1.ReasonDenied:
		return newNotice(request, typeDenied, ready.Reason, answer.At, data)
	case v1alpha1.ReasonExpired:
		return newNotice(request, typeExpired, ready.Reason, request.Status.EndedAt.Time, data)
	}
	return nil
}

func newNotice(request *v1alpha1.AccessRequest, kind, mark string, at time.Time, data requestData) *notice {
	return &notice{webhook.Message{ID: messageID(string(request.UID), mark), Type: kind, Time: at, Data: data}, mark}
}

// messageID is the same for the same parts.
func messageID(parts ...string) string {
	hash := sha256.New()
	for _, part := range parts {
		hash.Write([]byte(part))
		hash.Write([]byte{0})
	}
	return "msg_" + hex.EncodeToString(hash.Sum(nil)[:16])
}

// download is one download, as the access log has it.
type download struct {
	Recording about                `json:"recording"`
	By        string               `json:"by,omitempty"`
	Kind      v1alpha1.ActorKind   `json:"kind"`
	At        metav1.MicroTime     `json:"at"`
	Reason    string               `json:"reason"`
	Grant     string               `json:"grant,omitempty"`
	Client    v1alpha1.AuditClient `json:"client,omitzero"`
}

// downloadData is the data of a message about one download.
type downloadData struct {
	Recipients []recipient `json:"recipients"`
	download
}

// digestData is the data of a message about the downloads of a day.
type digestData struct {
	Recipients []recipient `json:"recipients"`
	// Day is the day, in UTC.
	Day       string     `json:"day"`
	Downloads []download `json:"downloads"`
	// More is how many downloads there were besides.
	More int `json:"more,omitempty"`
}

func downloadOf(event *v1alpha1.AuditEvent, link string) download {
	return download{
		Recording: about{event.Namespace, event.Spec.Recording.Name, link},
		By:        event.Spec.Actor.Name,
		Kind:      event.Spec.Actor.Kind,
		At:        event.Spec.Time,
		Reason:    event.Spec.Reason,
		Grant:     event.Spec.Grant,
		Client:    event.Spec.Client,
	}
}

// othersThan are the owners but for who downloaded.
func othersThan(actor v1alpha1.AuditActor, owners []v1alpha1.GrantSubject) []v1alpha1.GrantSubject {
	return slices.DeleteFunc(slices.Clone(owners), func(s v1alpha1.GrantSubject) bool {
		return s.Kind == v1alpha1.SubjectUser && actor.Kind == v1alpha1.ActorUser && policy.SamePerson(s.Name, actor.Name)
	})
}
