// Addresses that look public and are the inside of a cloud: whoever runs there reaches services of the platform at them, which take
// the machine that asks for its owner. Others, such as 169.254.169.254 and 100.100.100.200 (Alibaba), lie in ranges that are not public.

/** CIDRs. */
export const PLATFORM_RANGES: readonly string[] = [
	// Azure: the virtual machine's agent, its DNS and health probes (Microsoft Learn, "What is IP address 168.63.129.16?").
	"168.63.129.16/32",
	// IBM Cloud: services for machines, such as DNS and mirrors, and private endpoints of its services (IBM Cloud Docs, "Service
	// endpoints" of VPC).
	"161.26.0.0/16",
	"166.8.0.0/14",
];
