package deploy

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
	yamlutil "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	kjson "sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

// manifest has the objects of the file, one of each kind.
type manifest struct {
	deployment appsv1.Deployment
	service    corev1.Service
	disruption policyv1.PodDisruptionBudget
	network    networkingv1.NetworkPolicy
}

// readKubernetes reads the file as the API server does where it is strict: with
// every field known, in its own case, and given once. The pod must be admitted at
// the level "restricted" of the Pod Security Standards.
func readKubernetes(text string) (container, error) {
	m, err := parseManifest(text)
	if err != nil {
		return container{}, err
	}
	template := &m.deployment.Spec.Template
	if err := errors.Join(m.belongTogether(), restricted(template)); err != nil {
		return container{}, err
	}
	return fromPod(template.Spec)
}

func parseManifest(text string) (*manifest, error) {
	m := new(manifest)
	objects := map[metav1.TypeMeta]any{
		{APIVersion: "apps/v1", Kind: "Deployment"}:                 &m.deployment,
		{APIVersion: "v1", Kind: "Service"}:                         &m.service,
		{APIVersion: "policy/v1", Kind: "PodDisruptionBudget"}:      &m.disruption,
		{APIVersion: "networking.k8s.io/v1", Kind: "NetworkPolicy"}: &m.network,
	}
	documents := yamlutil.NewYAMLReader(bufio.NewReader(strings.NewReader(text)))
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		var kind metav1.TypeMeta
		if err := yaml.Unmarshal(document, &kind); err != nil {
			return nil, err
		}
		object, ok := objects[kind]
		if !ok {
			return nil, fmt.Errorf("unexpected, or a second, %s of %s", kind.Kind, kind.APIVersion)
		}
		delete(objects, kind)
		data, err := yaml.YAMLToJSONStrict(document)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", kind.Kind, err)
		}
		strict, err := kjson.UnmarshalStrict(data, object)
		if err := errors.Join(append(strict, err)...); err != nil {
			return nil, fmt.Errorf("%s: %w", kind.Kind, err)
		}
	}
	if len(objects) > 0 {
		return nil, fmt.Errorf("these are missing: %v", objects)
	}
	return m, nil
}

// belongTogether fails unless every object is about the pods of the Deployment, and
// their one port.
func (m *manifest) belongTogether() error {
	var errs []error
	pod := labels.Set(m.deployment.Spec.Template.Labels)
	selectors := map[string]*metav1.LabelSelector{
		"Deployment":          m.deployment.Spec.Selector,
		"Service":             {MatchLabels: m.service.Spec.Selector},
		"PodDisruptionBudget": m.disruption.Spec.Selector,
		"NetworkPolicy":       &m.network.Spec.PodSelector,
	}
	for kind, labelSelector := range selectors {
		selector, err := metav1.LabelSelectorAsSelector(labelSelector)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", kind, err))
		} else if selector.Empty() || !selector.Matches(pod) {
			errs = append(errs, fmt.Errorf("%s: it does not select the pods %v", kind, pod))
		}
	}
	for kind, name := range map[string]string{
		"Deployment":          m.deployment.Name,
		"Service":             m.service.Name,
		"PodDisruptionBudget": m.disruption.Name,
		"NetworkPolicy":       m.network.Name,
	} {
		if name != "hello" {
			errs = append(errs, fmt.Errorf("%s: its name is %q, not hello", kind, name))
		}
	}

	service := m.service.Spec.Ports
	if len(service) != 1 || service[0].Port != 80 || service[0].TargetPort.String() != "http" {
		errs = append(errs, fmt.Errorf("Service: it does not forward its port 80, and no other, to http: %v", service))
	}
	replicas, disruption := m.deployment.Spec.Replicas, m.disruption.Spec.MaxUnavailable
	if replicas == nil || disruption == nil || disruption.IntValue() >= int(*replicas) {
		errs = append(errs, errors.New("PodDisruptionBudget: it lets all pods go at once"))
	}
	rolling := m.deployment.Spec.Strategy.RollingUpdate
	if rolling == nil || rolling.MaxUnavailable == nil || rolling.MaxUnavailable.String() != "0" {
		errs = append(errs, errors.New("Deployment: an update takes pods away before others are ready"))
	}
	network := m.network.Spec
	both := []networkingv1.PolicyType{networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress}
	if !slices.Equal(network.PolicyTypes, both) || len(network.Egress) > 0 {
		errs = append(errs, errors.New("NetworkPolicy: it does not forbid all egress"))
	}
	if len(network.Ingress) != 1 || len(network.Ingress[0].Ports) != 1 || network.Ingress[0].Ports[0].Port.String() != "http" {
		errs = append(errs, fmt.Errorf("NetworkPolicy: it does not let in to http, and nothing else: %v", network.Ingress))
	}
	return errors.Join(errs...)
}

// restricted fails unless the newest Pod Security Standard "restricted" admits the
// pod.
func restricted(template *corev1.PodTemplateSpec) error {
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		return err
	}
	level := api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}
	result := policy.AggregateCheckResults(evaluator.EvaluatePod(level, &template.ObjectMeta, &template.Spec))
	if !result.Allowed {
		return fmt.Errorf("forbidden at level restricted: %s", result.ForbiddenDetail())
	}
	return nil
}

func fromPod(pod corev1.PodSpec) (container, error) {
	if token := take(&pod.AutomountServiceAccountToken); token == nil || *token {
		return container{}, errors.New("the pod gets a token for the API server")
	}
	if links := take(&pod.EnableServiceLinks); links == nil || *links {
		return container{}, errors.New("the pod gets the addresses of all services")
	}
	context := take(&pod.SecurityContext)
	grace := take(&pod.TerminationGracePeriodSeconds)
	if context == nil || context.RunAsUser == nil || context.RunAsGroup == nil || grace == nil || len(pod.Containers) != 1 {
		return container{}, errors.New("user, group, terminationGracePeriodSeconds and one container are needed")
	}
	user := fmt.Sprintf("%d:%d", *take(&context.RunAsUser), *take(&context.RunAsGroup))
	take(&context.RunAsNonRoot) // which, as much of what follows, the level restricted needs
	seccomp := take(&context.SeccompProfile)
	main := take(&pod.Containers)[0]
	lock := take(&main.SecurityContext)
	if lock == nil || lock.Capabilities == nil || lock.AllowPrivilegeEscalation == nil || lock.ReadOnlyRootFilesystem == nil {
		return container{}, errors.New("a lock is missing")
	}
	capabilities := take(&lock.Capabilities)
	var dropped []string
	for _, capability := range take(&capabilities.Drop) {
		dropped = append(dropped, string(capability))
	}

	ports := take(&main.Ports)
	if len(ports) != 1 || ports[0].Name != "http" || ports[0].HostPort != 0 {
		return container{}, fmt.Errorf("not the one port http: %v", ports)
	}
	limits := take(&main.Resources.Limits)
	requests := take(&main.Resources.Requests)
	if !requests.Memory().Equal(*limits.Memory()) || requests.Cpu().IsZero() || requests.Cpu().Cmp(*limits.Cpu()) > 0 {
		return container{}, errors.New("all of the memory is to be requested, and some of the CPU")
	}

	liveness, lifecycle := take(&main.LivenessProbe), take(&main.Lifecycle)
	if liveness == nil || liveness.Exec == nil || lifecycle == nil || lifecycle.PreStop == nil || lifecycle.PreStop.Sleep == nil {
		return container{}, errors.New("livenessProbe.exec or preStop.sleep is missing")
	}
	startup := corev1.Probe{
		ProbeHandler:     liveness.ProbeHandler,
		TimeoutSeconds:   liveness.TimeoutSeconds,
		PeriodSeconds:    1,
		FailureThreshold: 10,
	}
	readiness := corev1.Probe{
		ProbeHandler:   corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: "/healthz", Port: intstr.FromString("http")}},
		TimeoutSeconds: liveness.TimeoutSeconds,
		PeriodSeconds:  5,
	}
	if diff := cmp.Diff(&startup, take(&main.StartupProbe)) + cmp.Diff(&readiness, take(&main.ReadinessProbe)); diff != "" {
		return container{}, fmt.Errorf("other probes than expected:\n%s", diff)
	}
	seconds := func(n int32) time.Duration { return time.Duration(n) * time.Second }

	c := container{
		Image:             take(&main.Image),
		Port:              int(ports[0].ContainerPort),
		Restarts:          pod.RestartPolicy == "", // the default of a Deployment, the one that it may have
		User:              user,
		ReadOnlyRoot:      *take(&lock.ReadOnlyRootFilesystem),
		NoNewPrivileges:   !*take(&lock.AllowPrivilegeEscalation),
		DropsCapabilities: dropped,
		Unconfined:        seccomp == nil || seccomp.Type != corev1.SeccompProfileTypeRuntimeDefault,
		MilliCPUs:         limits.Cpu().MilliValue(),
		Memory:            limits.Memory().Value(),
		Check: check{
			Command:  liveness.Exec.Command,
			Interval: seconds(liveness.PeriodSeconds),
			Timeout:  seconds(liveness.TimeoutSeconds),
			Retries:  int(liveness.FailureThreshold),
		},
		// SIGTERM is sent after preStop.
		Grace: seconds(int32(*grace)) - seconds(int32(lifecycle.PreStop.Sleep.Seconds)),
	}
	take(&main.Name)
	if diff := cmp.Diff(corev1.PodSpec{}, pod) + cmp.Diff(corev1.Container{}, main) +
		cmp.Diff(corev1.SecurityContext{}, *lock) + cmp.Diff(corev1.Capabilities{}, *capabilities) +
		cmp.Diff(corev1.PodSecurityContext{}, *context); diff != "" {
		return container{}, fmt.Errorf("it asks for more than expected:\n%s", diff)
	}
	return c, nil
}
