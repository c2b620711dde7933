// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
)

func (c *command) newRequest() *cobra.Command {
	var permissions []string
	var reason, duration string
	cmd := &cobra.Command{
		Use:   "request [NAMESPACE/]RECORDING",
		Short: "Ask for access to a recording",
		Long: `Makes an AccessRequest in your name. It goes to the recording's creator first, then to the hosts, then to those whom the policy
names. An approval gives you what you asked for until a date: as long as you asked for, or less where the policy caps it.
What the policy never lets be granted is refused at once, with the rule.

The name that you have in the cluster has to be the e-mail address that you sign in to the gateway with. Making requests takes the
ClusterRole reelkeeper-requester in the recording's namespace.`,
		Example: `  kubectl reelkeeper request finance/q3-review --for 3d --reason "I was ill that day"
  kubectl reelkeeper request finance/q3-review --permission View,Download --for 12h --reason "subtitles for the board"

  # what became of it?
  kubectl reelkeeper requests list -n finance`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: c.completeRecordings(0),
		RunE: func(cmd *cobra.Command, args []string) error {
			spec := v1alpha1.AccessRequestSpec{Reason: reason, Duration: v1alpha1.Duration(duration)}
			for _, name := range permissions {
				permission, err := parsePermission(name)
				if err != nil {
					return err
				}
				spec.Permissions = append(spec.Permissions, permission)
			}
			if _, err := spec.Duration.Parse(); err != nil {
				return fmt.Errorf("--for: %w", err)
			}
			if strings.TrimSpace(reason) == "" {
				return errors.New("--reason is missing: say why you ask, those who decide read it")
			}
			return c.ask(cmd, args[0], spec)
		},
	}
	cmd.Flags().StringSliceVar(&permissions, "permission", []string{string(v1alpha1.PermissionView)}, "what you ask for: View, Download, or both")
	cmd.Flags().StringVar(&duration, "for", "7d", "for how long, such as 3d or 12h, counted from the approval")
	cmd.Flags().StringVar(&reason, "reason", "", "why you ask (required)")
	return cmd
}

func (c *command) ask(cmd *cobra.Command, recording string, spec v1alpha1.AccessRequestSpec) error {
	if err := c.output.check(); err != nil {
		return err
	}
	namespace, name, err := c.cluster.locate(recording)
	if err != nil {
		return err
	}
	writer, err := c.cluster.writer()
	if err != nil {
		return err
	}
	me, err := whoAmI(cmd.Context(), writer)
	if err != nil {
		return err
	}
	spec.RecordingRef.Name, spec.Requester.Name = name, me
	request := &v1alpha1.AccessRequest{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, GenerateName: prefix(name)},
		Spec:       spec,
	}
	if err := writer.Create(cmd.Context(), request); err != nil {
		return fmt.Errorf("asking for access: %w", err)
	}
	return c.output.write(cmd.OutOrStdout(), shown(request), func(p *page) {
		p.line("Request %s/%s asks for %s on %s for %s, for %s.", namespace, request.Name, words(spec.Permissions), name, spec.Requester.Name, spec.Duration)
		p.line("What became of it: kubectl reelkeeper requests list -n %s", namespace)
	})
}

// prefix is what a request's name begins with: the recording's name, as far as a random end leaves room.
func prefix(recording string) string {
	const room = 240
	return recording[:min(len(recording), room)] + "-"
}

// shown is an object as people and programs want to read it.
func shown(request *v1alpha1.AccessRequest) *v1alpha1.AccessRequest {
	request.SetGroupVersionKind(v1alpha1.SchemeGroupVersion.WithKind("AccessRequest"))
	request.ManagedFields = nil
	return request
}

// whoAmI asks the API server for the name that it knows the user by.
func whoAmI(ctx context.Context, c client.Client) (string, error) {
	review := &authenticationv1.SelfSubjectReview{}
	if err := c.Create(ctx, review); err != nil {
		return "", fmt.Errorf("asking the API server who you are: %w", err)
	}
	return review.Status.UserInfo.Username, nil
}
