// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/internal/gateway/config"
	"github.com/reelkeeper/reelkeeper/internal/gateway/ended"
	"github.com/reelkeeper/reelkeeper/internal/gateway/identity"
)

// endedReport is what is told of sessions that were ended.
type endedReport struct {
	User string `json:"user"`
	// Issuer is the identity provider through which they came; absent for any.
	Issuer string `json:"issuer,omitempty"`
	// Before is when the sessions began that are over, at the latest.
	Before metav1.Time `json:"before"`
}

func (c *command) newSessions() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "sessions",
		Short: "End the sessions that somebody has in the gateway",
		Long: `People stay signed in to the gateway for as long as its configuration says, in a cookie of their browser. Who they are is as of their sign-in.
What they may do is decided anew at every request, so that grants and policies are where to take rights away; sessions are ended when somebody leaves,
changes groups at the identity provider, or has lost a device.`,
		Args: cobra.NoArgs,
	}
	cmd.AddCommand(c.newSessionsEnd())
	return cmd
}

func (c *command) newSessionsEnd() *cobra.Command {
	var user, issuer string
	cmd := &cobra.Command{
		Use:   "end --user ADDRESS",
		Short: "End all sessions that somebody has, in all browsers",
		Long: `Ends all sessions that have begun of who has this e-mail address. Within two seconds no replica of the gateway takes them any more, and what
is being watched or downloaded in them stops. It does not matter whether they have any, or how many, and it can be repeated.

It keeps nobody out: who can sign in at the identity provider has a new session at once. To keep somebody out, disable the account there first.
An account whose address has changed since the sign-in has to be named by the old one.

It writes a hash of the address, and until when sessions are over, into a ConfigMap beside the gateway, for which the ClusterRole reelkeeper-sessions is
enough, bound in the gateway's namespace. --gateway-config says where that is.`,
		Example: `  # somebody has lost a laptop
  kubectl reelkeeper sessions end --user alice@example.com

  # through one of several identity providers only
  kubectl reelkeeper sessions end --user eve@partner.example --issuer https://id.partner.example`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.output.check(); err != nil {
				return err
			}
			report, err := c.endSessions(cmd.Context(), user, issuer)
			if err != nil {
				return err
			}
			return c.output.write(cmd.OutOrStdout(), report, func(p *page) {
				p.line("All sessions of %s that had begun are over, through %s. Who can sign in has a new one at once.", report.User, cmp.Or(report.Issuer, "any identity provider"))
			})
		},
	}
	cmd.Flags().StringVar(&user, "user", "", "the e-mail address of who is signed in (required)")
	cmd.Flags().StringVar(&issuer, "issuer", "", "only sessions that came of signing in at this identity provider, as signIn.issuer or otherSignIns spell it; without it, at any")
	c.people.bindGateway(cmd.Flags())
	return cmd
}

func (c *command) endSessions(ctx context.Context, user, issuer string) (*endedReport, error) {
	address := identity.Address(user)
	if address == "" {
		return nil, fmt.Errorf("--user %q is no e-mail address: write one, such as alice@example.com", user)
	}
	if err := c.checkIssuer(ctx, issuer); err != nil {
		return nil, err
	}
	writer, err := c.cluster.writer()
	if err != nil {
		return nil, err
	}
	namespace, _, _ := strings.Cut(c.people.gatewayConfig, "/")
	// Whatever began in this second is over too: the API server tells no parts of it.
	now, err := serverTime(ctx, writer, namespace)
	if err != nil {
		return nil, err
	}
	before := now.Add(time.Second - time.Millisecond)
	ledger := ended.Ledger{Namespace: namespace, Writer: writer}
	err = ledger.End(ctx, now, ended.Address(address, issuer), ended.Entry{Before: before, Until: before.Add(config.MaxLifetime)})
	return &endedReport{User: address, Issuer: issuer, Before: metav1.NewTime(now)}, err
}

// checkIssuer sees to it that an identity provider is one of the gateway's: with a name that is misspelt nothing would end.
func (c *command) checkIssuer(ctx context.Context, issuer string) error {
	if issuer == "" {
		return nil
	}
	settings, err := c.people.gateway(ctx, &c.cluster)
	if err != nil {
		return fmt.Errorf("is --issuer %s one of the gateway's? Name its configuration with --gateway-config: %w", issuer, err)
	}
	var known []string
	for _, provider := range settings.Providers() {
		known = append(known, provider.Issuer)
	}
	if !slices.Contains(known, issuer) {
		return fmt.Errorf("nobody signs in to the gateway at --issuer %s: use one of %s", issuer, strings.Join(known, ", "))
	}
	return nil
}

// serverTime is what time it is in the cluster: the clock here may be another, and sessions that began after what it says would go on.
func serverTime(ctx context.Context, writer client.Client, namespace string) (time.Time, error) {
	asked := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, GenerateName: "reelkeeper-time-"}}
	if err := writer.Create(ctx, asked, client.DryRunAll); err != nil {
		return time.Time{}, fmt.Errorf("asking the API server for the time, by a ConfigMap in %s that is not stored: %w", namespace, err)
	}
	if asked.CreationTimestamp.IsZero() {
		return time.Time{}, errors.New("the API server does not tell the time")
	}
	return asked.CreationTimestamp.Time, nil
}
