// Reads pods as JSON, [{"name", "metadata", "spec"}], and says which of them a namespace with the
// level `restricted` of Pod Security would refuse: the admission controller's own code decides.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
)

type pod struct {
	Name     string            `json:"name"`
	Metadata metav1.ObjectMeta `json:"metadata"`
	Spec     corev1.PodSpec    `json:"spec"`
}

type refusal struct {
	Name   string `json:"name"`
	Reason string `json:"reason"`
	Detail string `json:"detail"`
}

func refusals(pods []pod) ([]refusal, error) {
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks())
	if err != nil {
		return nil, err
	}
	level := api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}
	found := []refusal{}
	for _, each := range pods {
		for _, result := range evaluator.EvaluatePod(level, &each.Metadata, &each.Spec) {
			if !result.Allowed {
				found = append(found, refusal{each.Name, result.ForbiddenReason, result.ForbiddenDetail})
			}
		}
	}
	return found, nil
}

func run() error {
	decoder := json.NewDecoder(os.Stdin)
	decoder.DisallowUnknownFields()
	var pods []pod
	if err := decoder.Decode(&pods); err != nil {
		return err
	}
	found, err := refusals(pods)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(found)
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "pod_security:", err)
		os.Exit(1)
	}
}
