// SPDX-License-Identifier: Apache-2.0

package accessgrant_test

import (
	"strings"
	"testing"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/audit"
	"github.com/reelkeeper/reelkeeper/internal/credentials"
)

// shared is a grant as the gateway makes it, which has written down before who shares.
func shared(f *fixture) {
	f.grant.Spec.Link.TokenHash = credentials.HashToken(credentials.NewToken())
	f.grant.Annotations = map[string]string{v1alpha1.AnnotationGrantedBy: "bob@example.com"}
}

func TestR29AGrantThatWasMadeInThePageIsInTheLogOnce(t *testing.T) {
	for name, tc := range map[string]struct {
		inPage bool
		want   []string
	}{
		"revoked in the page":      {true, []string{"Revoked Allowed PermittedByRole"}},
		"revoked by somebody else": {false, []string{"Revoked Allowed Deleted"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, shared)
			f.expectGranted()
			if f.secret() != nil || f.grant.Status.SecretRef.Name != "" {
				t.Error("there is a Secret for a link that was shown already")
			}
			if f.grant.Status.TokenHash != f.grant.Spec.Link.TokenHash {
				t.Error("the link is not known")
			}
			f.expectFacts()
			if tc.inPage {
				err := audit.NewRecorder(f.Admin, f.clock).Record(t.Context(), audit.Event{
					Namespace: f.namespace, Action: v1alpha1.AuditRevoked, Outcome: v1alpha1.OutcomeAllowed, Actor: audit.User("bob@example.com", ""),
					Recording: audit.RecordingOf(f.recording), Grant: f.grant.Name, Reason: "PermittedByRole",
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			f.Delete(t, f.grant)
			f.reconcile()
			f.expectFacts(tc.want...)
		})
	}
}

func TestR19APolicyThatWantsAPasswordIsNotMetByALinkWithoutOne(t *testing.T) {
	f := newFixture(t, shared)
	f.policy("password", v1alpha1.PolicyRules{Sharing: v1alpha1.SharingRules{Links: v1alpha1.LinksPasswordRequired}})
	f.reconcile()
	f.Get(t, f.grant)
	if message := f.grant.Status.Conditions[0].Message + f.grant.Status.Conditions[1].Message; !strings.Contains(message, "password") || f.secret() != nil {
		t.Errorf("conditions %+v", f.grant.Status.Conditions)
	}
}
