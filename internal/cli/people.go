// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/pflag"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/reelkeeper/reelkeeper/internal/access"
	"github.com/reelkeeper/reelkeeper/internal/cli/report"
	"github.com/reelkeeper/reelkeeper/internal/gateway/config"
	"github.com/reelkeeper/reelkeeper/internal/gateway/identity"
)

// people are the flags that say who belongs to the organisation. Identity providers know it; objects do not say.
type people struct {
	domains       []string
	gatewayConfig string
}

func (p *people) bind(flags *pflag.FlagSet) {
	flags.StringSliceVar(&p.domains, "domain", nil,
		"a domain of the organisation's e-mail addresses, such as example.com; without it, those of the gateway's configuration")
	p.bindGateway(flags)
}

func (p *people) bindGateway(flags *pflag.FlagSet) {
	flags.StringVar(&p.gatewayConfig, "gateway-config", "reelkeeper-system/reelkeeper-gateway", "the ConfigMap with the gateway's configuration")
}

// gatewayKey is the ConfigMap's key with the configuration.
const gatewayKey = "gateway.yaml"

// member returns who belongs to the organisation, as the gateway tells members by their addresses.
func (p *people) member(ctx context.Context, c *cluster) (report.Member, error) {
	organisation := config.Organisation{Domains: p.domains, Issuers: []string{"flags"}}
	if len(p.domains) == 0 {
		settings, err := p.gateway(ctx, c)
		if err != nil {
			return nil, fmt.Errorf("who belongs to the organisation? Say --domain example.com, or name the gateway's configuration with --gateway-config: %w", err)
		}
		organisation.Domains = settings.Organisation.Domains
	}
	return func(email string) bool {
		person := &identity.Person{Issuer: organisation.Issuers[0], Email: strings.ToLower(email), Verified: true}
		return identity.Internal(person, organisation)
	}, nil
}

func (p *people) gateway(ctx context.Context, c *cluster) (*config.Config, error) {
	reader, err := c.client()
	if err != nil {
		return nil, err
	}
	namespace, name, _ := strings.Cut(p.gatewayConfig, "/")
	var found corev1.ConfigMap
	if err := reader.Get(ctx, types.NamespacedName{Namespace: namespace, Name: name}, &found); err != nil {
		return nil, fmt.Errorf("reading ConfigMap %s: %w", p.gatewayConfig, err)
	}
	settings, err := config.Parse([]byte(found.Data[gatewayKey]))
	if err != nil {
		return nil, fmt.Errorf("reading %s of ConfigMap %s: %w", gatewayKey, p.gatewayConfig, err)
	}
	return settings, nil
}

// subject are the flags that describe one person, as the identity provider would.
type subject struct {
	departments, groups, labels, links       []string
	internal, external, unverified, stranger bool
}

func (s *subject) bind(flags *pflag.FlagSet) {
	flags.StringSliceVar(&s.departments, "department", nil, "a department that they belong to, as the identity provider spells it; may be repeated")
	flags.StringSliceVar(&s.groups, "group", nil, "a group that they are in; may be repeated")
	flags.StringSliceVar(&s.labels, "label", nil, "a role label that they carry, such as manager; may be repeated")
	flags.StringSliceVar(&s.links, "link", nil, "the name of an AccessGrant whose link they opened, with its password; may be repeated")
	flags.BoolVar(&s.internal, "internal", false, "they belong to the organisation, whatever their address")
	flags.BoolVar(&s.external, "external", false, "they do not belong to the organisation, whatever their address")
	flags.BoolVar(&s.unverified, "unverified", false, "the identity provider does not vouch for their address")
	flags.BoolVar(&s.stranger, "anonymous", false, "they have not signed in")
}

// of returns the person with the name, as the flags describe them.
func (s *subject) of(ctx context.Context, name string, p *people, c *cluster) (access.Subject, error) {
	someone := access.Subject{
		Name: name, Verified: !s.unverified, Departments: s.departments, Groups: s.groups, Labels: s.labels, Links: s.links,
		Internal: s.internal,
	}
	switch {
	case s.stranger:
		return access.Subject{Name: name, Links: s.links, Anonymous: true}, nil
	case name == "":
		return someone, errors.New("USER is empty: write an e-mail address, or add --anonymous for somebody who has not signed in")
	case s.internal && s.external:
		return someone, errors.New("--internal and --external contradict each other: give one of them, or --domain")
	case s.internal || s.external:
		return someone, nil
	}
	member, err := p.member(ctx, c)
	if err != nil {
		return someone, err
	}
	someone.Internal = member(name)
	return someone, nil
}
