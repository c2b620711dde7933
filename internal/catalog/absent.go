// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// absent is what objects have and cards have not. It takes no room. Setting anything does nothing: cards never change.
type absent struct{}

func (absent) GetGenerateName() string                       { return "" }
func (absent) GetSelfLink() string                           { return "" }
func (absent) GetCreationTimestamp() metav1.Time             { return metav1.Time{} }
func (absent) GetDeletionGracePeriodSeconds() *int64         { return nil }
func (absent) GetAnnotations() map[string]string             { return nil }
func (absent) GetFinalizers() []string                       { return nil }
func (absent) GetOwnerReferences() []metav1.OwnerReference   { return nil }
func (absent) GetManagedFields() []metav1.ManagedFieldsEntry { return nil }
func (absent) SetNamespace(string)                           {}
func (absent) SetName(string)                                {}
func (absent) SetGenerateName(string)                        {}
func (absent) SetUID(types.UID)                              {}
func (absent) SetResourceVersion(string)                     {}
func (absent) SetGeneration(int64)                           {}
func (absent) SetSelfLink(string)                            {}
func (absent) SetCreationTimestamp(metav1.Time)              {}
func (absent) SetDeletionTimestamp(*metav1.Time)             {}
func (absent) SetDeletionGracePeriodSeconds(*int64)          {}
func (absent) SetLabels(map[string]string)                   {}
func (absent) SetAnnotations(map[string]string)              {}
func (absent) SetFinalizers([]string)                        {}
func (absent) SetOwnerReferences([]metav1.OwnerReference)    {}
func (absent) SetManagedFields([]metav1.ManagedFieldsEntry)  {}
