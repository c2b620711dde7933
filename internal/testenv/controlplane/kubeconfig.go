// SPDX-License-Identifier: Apache-2.0

//go:build unix

package controlplane

import (
	"fmt"
	"path/filepath"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// WriteKubeconfig writes a kubeconfig file (mode 0600) that connects as config does, in the given namespace. It knows
// client certificates and bearer tokens, each given as data or as a file.
func WriteKubeconfig(path string, config *rest.Config, namespace string) error {
	const name = "reelkeeper"
	kubeconfig := clientcmdapi.NewConfig()
	kubeconfig.Clusters[name] = &clientcmdapi.Cluster{
		Server:                   config.Host,
		CertificateAuthority:     config.CAFile,
		CertificateAuthorityData: config.CAData,
		TLSServerName:            config.ServerName,
	}
	kubeconfig.AuthInfos[name] = &clientcmdapi.AuthInfo{
		Token:                 config.BearerToken,
		TokenFile:             config.BearerTokenFile,
		ClientCertificate:     config.CertFile,
		ClientCertificateData: config.CertData,
		ClientKey:             config.KeyFile,
		ClientKeyData:         config.KeyData,
	}
	kubeconfig.Contexts[name] = &clientcmdapi.Context{Cluster: name, AuthInfo: name, Namespace: namespace}
	kubeconfig.CurrentContext = name
	if err := clientcmd.WriteToFile(*kubeconfig, path); err != nil {
		return fmt.Errorf("writing kubeconfig %s: %w", path, err)
	}
	return nil
}

func (p *ControlPlane) writeKubeconfigs() error {
	p.Kubeconfig = p.kubeconfigOf("admin")
	for _, identity := range []string{"admin", "controller-manager"} {
		config := &rest.Config{Host: p.Config.Host, TLSClientConfig: p.clientTLS(identity)}
		if err := WriteKubeconfig(p.kubeconfigOf(identity), config, ""); err != nil {
			return err
		}
	}
	return nil
}

func (p *ControlPlane) kubeconfigOf(identity string) string {
	return filepath.Join(p.dir, identity+".kubeconfig")
}

func (p *ControlPlane) clientTLS(identity string) rest.TLSClientConfig {
	return rest.TLSClientConfig{
		CAFile:   p.authority.path("ca.crt"),
		CertFile: p.authority.path(identity + ".crt"),
		KeyFile:  p.authority.path(identity + ".key"),
	}
}
