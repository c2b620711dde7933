// SPDX-License-Identifier: Apache-2.0

package accessgrant

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/credentials"
	"github.com/reelkeeper/reelkeeper/internal/effect"
)

// Keys of a grant's Secret, and of one that a grant takes its password from.
const (
	// SecretLink is the whole link, ready to be sent.
	SecretLink = "link"
	// SecretToken is the link's token.
	SecretToken = "token"
	// SecretPassword is the link's password.
	SecretPassword = "password"
)

const (
	secretSuffix  = "-link"
	maxSecretName = 253
)

// secretName is the name of a grant's Secret: <grant>-link, with a hash in place of the end of a name that is too long.
func secretName(grant string) string {
	if len(grant)+len(secretSuffix) <= maxSecretName {
		return grant + secretSuffix
	}
	sum := sha256.Sum256([]byte(grant))
	suffix := "-" + hex.EncodeToString(sum[:6]) + secretSuffix
	return grant[:maxSecretName-len(suffix)] + suffix
}

// newSecret makes the secrets of a link. It is immutable: what is in it is what the hashes in the status were made from.
func newSecret(grant *v1alpha1.AccessGrant, gatewayURL string, password passwordSource) *corev1.Secret {
	token := credentials.NewToken()
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Namespace:       grant.Namespace,
			Name:            secretName(grant.Name),
			Labels:          map[string]string{"app.kubernetes.io/managed-by": "reelkeeper"},
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(grant, v1alpha1.SchemeGroupVersion.WithKind("AccessGrant"))},
		},
		Immutable: new(true),
		Data: map[string][]byte{
			SecretToken: []byte(token),
			SecretLink:  []byte(gatewayURL + "/g/" + token),
		},
	}
	if password == generatedPassword {
		secret.Data[SecretPassword] = []byte(credentials.NewPassword())
	}
	return secret
}

// fits reports whether a Secret holds what the grant wants: a token, and a generated password or none.
func fits(secret *corev1.Secret, password passwordSource) bool {
	_, err := credentials.ParseToken(string(secret.Data[SecretToken]))
	return err == nil && (len(secret.Data[SecretPassword]) > 0) == (password == generatedPassword)
}

// standing says what a Secret of the name is to a grant.
type standing int

const (
	own standing = iota
	// leftover belongs to an earlier grant of the same name.
	leftover
	foreign
)

func standingOf(secret *corev1.Secret, grant *v1alpha1.AccessGrant) standing {
	owner := metav1.GetControllerOf(secret)
	switch {
	case owner == nil || owner.APIVersion != v1alpha1.SchemeGroupVersion.String() || owner.Kind != "AccessGrant":
		return foreign
	case owner.UID == grant.UID:
		return own
	case owner.Name == grant.Name:
		return leftover
	}
	return foreign
}

// findSecret reads the grant's Secret, which is nil if there is none. It removes what an earlier grant of the same name has
// left. taken says that the Secret belongs to somebody else.
func (r *Reconciler) findSecret(ctx context.Context, grant *v1alpha1.AccessGrant) (secret *corev1.Secret, taken bool, err error) {
	secret = &corev1.Secret{}
	key := client.ObjectKey{Namespace: grant.Namespace, Name: secretName(grant.Name)}
	if err := r.Direct.Get(ctx, key, secret); err != nil {
		return nil, false, client.IgnoreNotFound(wrap(err, "read Secret", key))
	}
	switch standingOf(secret, grant) {
	case own:
		return secret, false, nil
	case leftover:
		return nil, false, r.deleteSecret(ctx, secret)
	case foreign:
		return nil, true, nil
	}
	return nil, true, nil
}

// mint makes sure that the grant has a Secret as it wants it, and returns it. One that is there and fits is left alone, whoever
// has made it: a process that died before it wrote the status, for one.
func (r *Reconciler) mint(ctx context.Context, grant *v1alpha1.AccessGrant, existing *corev1.Secret, password passwordSource) (*corev1.Secret, error) {
	if existing != nil && fits(existing, password) {
		return existing, nil
	}
	if existing != nil {
		if err := r.deleteSecret(ctx, existing); err != nil {
			return nil, err
		}
	}
	secret := newSecret(grant, r.GatewayURL, password)
	if err := effect.Do(ctx, "grant: make the Secret", func() error { return r.Direct.Create(ctx, secret) }); err != nil {
		return nil, wrap(err, "create Secret", client.ObjectKeyFromObject(secret))
	}
	return secret, nil
}

func (r *Reconciler) deleteSecret(ctx context.Context, secret *corev1.Secret) error {
	err := effect.Do(ctx, "grant: remove the Secret", func() error {
		return r.Direct.Delete(ctx, secret, client.Preconditions{UID: &secret.UID})
	})
	return client.IgnoreNotFound(wrap(err, "delete Secret", client.ObjectKeyFromObject(secret)))
}

func wrap(err error, what string, key client.ObjectKey) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s %s: %w", what, key, err)
}

// linkedElsewhere says that the grant's link was made, and shown once, in the gateway's pages: there is no Secret with it.
func linkedElsewhere(grant *v1alpha1.AccessGrant) bool { return grant.Spec.Link.TokenHash != "" }

// hash returns the hashes of a Secret. The password's is kept while it is still true: making one takes long, and another salt
// would be another status.
func hash(grant *v1alpha1.AccessGrant, secret *corev1.Secret, o *observation) (hashes, error) {
	made := hashes{token: credentials.HashToken(string(secret.Data[SecretToken]))}
	kept := grant.Status.PasswordHash
	switch o.password {
	case noPassword, shownPassword:
		return made, nil
	case generatedPassword:
		// The Secret cannot change: if the token is the one in the status, so is the password.
		if made.password = kept; kept != "" && made.token == grant.Status.TokenHash {
			return made, nil
		}
	case chosenPassword:
		if made.password = kept; credentials.VerifyPassword(kept, o.ownPassword) {
			return made, nil
		}
	}
	var err error
	password := o.ownPassword
	if o.password == generatedPassword {
		password = string(secret.Data[SecretPassword])
	}
	made.password, err = credentials.HashPassword(password)
	return made, err
}

// ownPassword reads the password that a grant names. problem says what is wrong with it, for a person.
func (r *Reconciler) ownPassword(ctx context.Context, grant *v1alpha1.AccessGrant) (password, problem string, err error) {
	secret := &corev1.Secret{}
	key := client.ObjectKey{Namespace: grant.Namespace, Name: grant.Spec.PasswordSecretRef.Name}
	switch err := r.Direct.Get(ctx, key, secret); {
	case apierrors.IsNotFound(err):
		return "", fmt.Sprintf("There is no Secret %s: create it with the key %s", key.Name, SecretPassword), nil
	case err != nil:
		return "", "", wrap(err, "read Secret", key)
	}
	chosen := credentials.PastedPassword(secret.Data[SecretPassword])
	switch {
	case chosen == "":
		return "", fmt.Sprintf("Secret %s has no key %s, or nothing in it: add it", key.Name, SecretPassword), nil
	case len(chosen) > credentials.MaxPassword:
		return "", fmt.Sprintf("The password in Secret %s is longer than %d bytes: choose a shorter one", key.Name, credentials.MaxPassword), nil
	}
	return chosen, "", nil
}
