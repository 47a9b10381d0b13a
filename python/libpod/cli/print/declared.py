"""The fields of Podman's documents, declared: what a template may name, of which type it is, and what JSON calls it.

A field is a line: its name in Go, its type, its name in JSON when that differs, and `?` when JSON leaves it out while it is zero. `+`
embeds a struct: its fields count as the outer one's. The order is Podman's, for a struct prints its fields in order.
Source: `podman __complete inspect --format '{{.'` and `{{printf "%T" .Field}}` of Podman 5.4, which
`tests/interop/test_declared_fields.py` asks again.
"""

from __future__ import annotations

_CONTAINER = {
    "define.InspectContainerData": """
        ID string Id; Created time.Time; Path string; Args []string; State *define.InspectContainerState; Image string;
        ImageDigest string; ImageName string; Rootfs string; Pod string; ResolvConfPath string; HostnamePath string; HostsPath string;
        StaticDir string; OCIConfigPath string ?; OCIRuntime string ?; ConmonPidFile string; PidFile string; Name string;
        RestartCount int32; Driver string; MountLabel string; ProcessLabel string; AppArmorProfile string; EffectiveCaps []string;
        BoundingCaps []string; ExecIDs []string; GraphDriver *define.DriverData; SizeRw *int64 ?; SizeRootFs int64 ?;
        Mounts []define.InspectMount; Dependencies []string; NetworkSettings *define.InspectNetworkSettings; Namespace string;
        IsInfra bool; IsService bool; KubeExitCodePropagation string; LockNumber uint32 lockNumber;
        Config *define.InspectContainerConfig; HostConfig *define.InspectContainerHostConfig; UseImageHosts bool;
        UseImageHostname bool""",
    "define.InspectContainerState": """
        OciVersion string; Status string; Running bool; Paused bool; Restarting bool; OOMKilled bool; Dead bool; Pid int;
        ConmonPid int ?; ExitCode int32; Error string; StartedAt time.Time; FinishedAt time.Time; Health *define.HealthCheckResults ?;
        Checkpointed bool ?; CgroupPath string ?; CheckpointedAt time.Time; RestoredAt time.Time; CheckpointLog string ?;
        CheckpointPath string ?; RestoreLog string ?; Restored bool ?; StoppedByUser bool ?""",
    "define.HealthCheckResults": "Status string; FailingStreak int; Log []define.HealthCheckLog",
    "define.HealthCheckLog": "Start string; End string; ExitCode int; Output string",
    "define.DriverData": "Name string; Data map[string]string",
    "define.InspectMount": """
        Type string; Name string ?; Source string; Destination string; Driver string; Mode string; Options []string; RW bool;
        Propagation string; SubPath string ?""",
    "define.InspectNetworkSettings": """
        +define.InspectBasicNetworkConfig; Bridge string; SandboxID string; HairpinMode bool; LinkLocalIPv6Address string;
        LinkLocalIPv6PrefixLen int; Ports map[string][]define.InspectHostPort; SandboxKey string;
        Networks map[string]*define.InspectAdditionalNetwork ?""",
    "define.InspectBasicNetworkConfig": """
        EndpointID string; Gateway string; IPAddress string; IPPrefixLen int; SecondaryIPAddresses []define.Address ?;
        IPv6Gateway string; GlobalIPv6Address string; GlobalIPv6PrefixLen int; SecondaryIPv6Addresses []define.Address ?;
        MacAddress string; AdditionalMacAddresses []string AdditionalMACAddresses ?""",
    "define.InspectAdditionalNetwork": """
        +define.InspectBasicNetworkConfig; NetworkID string ?; DriverOpts map[string]string; IPAMConfig map[string]string;
        Links []string; Aliases []string ?""",
    "define.Address": "Addr string; PrefixLength int",
    "define.InspectHostPort": "HostIP string HostIp; HostPort string",
    "define.InspectContainerConfig": """
        Hostname string; DomainName string Domainname; User string; AttachStdin bool; AttachStdout bool; AttachStderr bool; Tty bool;
        OpenStdin bool; StdinOnce bool; Env []string; Cmd []string; Image string; Volumes map[string]struct {}; WorkingDir string;
        Entrypoint []string; OnBuild *string; Labels map[string]string; Annotations map[string]string; StopSignal string;
        StartupHealthCheck *define.StartupHealthCheck ?; Healthcheck *manifest.Schema2HealthConfig ?;
        HealthcheckOnFailureAction string ?; HealthLogDestination string ?; HealthMaxLogCount uint HealthcheckMaxLogCount ?;
        HealthMaxLogSize uint HealthcheckMaxLogSize ?; CreateCommand []string ?; Timezone string ?; SystemdMode bool ?;
        Umask string ?; Secrets []*define.InspectSecret ?; Timeout uint; StopTimeout uint; Passwd *bool ?; ChrootDirs []string ?;
        SdNotifyMode string sdNotifyMode ?; SdNotifySocket string sdNotifySocket ?; ExposedPorts map[string]struct {} ?;
        V4PodmanCompatMarshal bool - ?""",
    "define.StartupHealthCheck": "+manifest.Schema2HealthConfig; Successes int ?",
    "manifest.Schema2HealthConfig": """
        Test []string ?; StartPeriod time.Duration ?; StartInterval time.Duration ?; Interval time.Duration ?;
        Timeout time.Duration ?; Retries int ?""",
    "define.InspectSecret": "Name string; ID string; UID uint32; GID uint32; Mode uint32",
    "define.InspectContainerHostConfig": """
        Binds []string; CgroupManager string ?; CgroupMode string; ContainerIDFile string; LogConfig *define.InspectLogConfig;
        NetworkMode string; PortBindings map[string][]define.InspectHostPort; RestartPolicy *define.InspectRestartPolicy;
        AutoRemove bool; AutoRemoveImage bool; Annotations map[string]string; VolumeDriver string; VolumesFrom []string;
        CapAdd []string; CapDrop []string; Dns []string; DnsOptions []string; DnsSearch []string; ExtraHosts []string;
        HostsFile string; GroupAdd []string; IpcMode string; Cgroup string; Cgroups string; Links []string; OomScoreAdj int;
        PidMode string; Privileged bool; PublishAllPorts bool; ReadonlyRootfs bool; SecurityOpt []string; Tmpfs map[string]string;
        UTSMode string; UsernsMode string; IDMappings *define.InspectIDMappings ?; ShmSize int64; Runtime string; ConsoleSize []uint;
        Isolation string; CpuShares uint64; Memory int64; NanoCpus int64; CgroupParent string; BlkioWeight uint16;
        BlkioWeightDevice []define.InspectBlkioWeightDevice; BlkioDeviceReadBps []define.InspectBlkioThrottleDevice;
        BlkioDeviceWriteBps []define.InspectBlkioThrottleDevice; BlkioDeviceReadIOps []define.InspectBlkioThrottleDevice;
        BlkioDeviceWriteIOps []define.InspectBlkioThrottleDevice; CpuPeriod uint64; CpuQuota int64; CpuRealtimePeriod uint64;
        CpuRealtimeRuntime int64; CpusetCpus string; CpusetMems string; Devices []define.InspectDevice; DiskQuota uint64;
        KernelMemory int64; MemoryReservation int64; MemorySwap int64; MemorySwappiness int64; OomKillDisable bool; Init bool ?;
        PidsLimit int64; Ulimits []define.InspectUlimit; CpuCount uint64; CpuPercent uint64; IOMaximumIOps uint64;
        IOMaximumBandwidth uint64; CgroupConf map[string]string; IntelRdtClosID string ?""",
    "define.InspectLogConfig": "Type string; Config map[string]string; Path string; Tag string; Size string",
    "define.InspectRestartPolicy": "Name string; MaximumRetryCount uint",
    "define.InspectIDMappings": "UIDMap []string UidMap; GIDMap []string GidMap",
    "define.InspectBlkioWeightDevice": "Path string; Weight uint16",
    "define.InspectBlkioThrottleDevice": "Path string; Rate uint64",
    "define.InspectDevice": "PathOnHost string; PathInContainer string; CgroupPermissions string",
    "define.InspectUlimit": "Name string; Soft int64; Hard int64",
    "types.ListContainer": """
        AutoRemove bool; Command []string; Created time.Time; CreatedAt string; CIDFile string; Exited bool; ExitedAt int64;
        ExitCode int32; ExposedPorts map[uint16][]string; ID string Id; Image string; ImageID string; IsInfra bool;
        Labels map[string]string; Mounts []string; Names []string; Namespaces types.ListContainerNamespaces; Networks []string; Pid int;
        Pod string; PodName string; Ports []types.PortMapping; Restarts uint; Size *define.ContainerSize; StartedAt int64;
        State string; Status string""",
    "types.ListContainerNamespaces": """
        MNT string Mnt ?; Cgroup string ?; IPC string Ipc ?; NET string Net ?; PIDNS string Pidns ?; UTS string Uts ?; User string ?""",
    "types.PortMapping": """
        HostIP string host_ip; ContainerPort uint16 container_port; HostPort uint16 host_port; Range uint16 range;
        Protocol string protocol""",
    "define.ContainerSize": "RootFsSize int64 rootFsSize; RwSize int64 rwSize",
    "containers.psReporter": "+types.ListContainer",
}

_IMAGE = {
    "inspect.ImageData": """
        ID string Id; Digest digest.Digest; RepoTags []string; RepoDigests []string; Parent string; Comment string;
        Created *time.Time; Config *v1.ImageConfig; Version string; Author string; Architecture string; Os string; Size int64;
        VirtualSize int64; GraphDriver *define.DriverData; RootFS *inspect.RootFS; Labels map[string]string;
        Annotations map[string]string; ManifestType string; User string; History []v1.History; NamesHistory []string;
        HealthCheck *manifest.Schema2HealthConfig Healthcheck ?""",
    "v1.ImageConfig": """
        User string ?; ExposedPorts map[string]struct {} ?; Env []string ?; Entrypoint []string ?; Cmd []string ?;
        Volumes map[string]struct {} ?; WorkingDir string ?; Labels map[string]string ?; StopSignal string ?; ArgsEscaped bool ?""",
    "inspect.RootFS": "Type string; Layers []digest.Digest",
    "v1.History": """
        Created *time.Time created ?; CreatedBy string created_by ?; Author string author ?; Comment string comment ?;
        EmptyLayer bool empty_layer ?""",
    "types.ImageSummary": """
        ID string Id; ParentId string; RepoTags []string; RepoDigests []string; Created int64; Size int64; SharedSize int;
        VirtualSize int64; Labels map[string]string; Containers int; ReadOnly bool ?; Dangling bool ?; Arch string ?;
        Digest string ?; History []string ?; IsManifestList *bool ?; Names []string ?; Os string ?""",
    "images.imageReporter": "Repository string repository ?; Tag string tag ?; +types.ImageSummary",
    "types.ImageHistoryLayer": """
        ID string id; Created time.Time created ?; CreatedBy string ?; Tags []string tags ?; Size int64 size; Comment string comment ?""",
    "images.historyReporter": "+types.ImageHistoryLayer",
}

_NETWORK = {
    "types.Network": """
        Name string name; ID string id; Driver string driver; NetworkInterface string network_interface ?; Created time.Time created ?;
        Subnets []types.Subnet subnets ?; Routes []types.Route routes ?; IPv6Enabled bool ipv6_enabled; Internal bool internal;
        DNSEnabled bool dns_enabled; NetworkDNSServers []string network_dns_servers ?; Labels map[string]string labels ?;
        Options map[string]string options ?; IPAMOptions map[string]string ipam_options ?""",
    "types.Subnet": "Subnet string subnet; Gateway string gateway ?; LeaseRange *types.LeaseRange lease_range ?",
    "types.LeaseRange": "StartIP string start_ip ?; EndIP string end_ip ?",
    "types.Route": "Destination string destination; Gateway string gateway; Metric *uint32 metric ?",
    "types.NetworkContainerInfo": """
        Name string name; Interfaces map[string]types.NetInterface interfaces ?""",
    "types.NetInterface": "Subnets []types.NetAddress subnets ?; MacAddress string mac_address",
    "types.NetAddress": "IPNet string ipnet; Gateway string gateway ?",
    "types.NetworkInspectReport": "+types.Network; Containers map[string]types.NetworkContainerInfo containers",
    "network.ListPrintReports": "+types.Network",
}

_SYSTEM = {
    "types.SystemVersionReport": "Client *define.Version ?; Server *define.Version ?",
    "define.Version": """
        APIVersion string; Version string; GoVersion string; GitCommit string; BuiltTime string; Built int64; BuildOrigin string ?;
        OsArch string; Os string""",
    "define.Info": """
        Host *define.HostInfo host; Store *define.StoreInfo store; Registries map[string]interface {} registries;
        Plugins define.Plugins plugins; Version define.Version version""",
    "define.HostInfo": """
        Arch string arch; BuildahVersion string buildahVersion; CgroupManager string cgroupManager; CgroupsVersion string cgroupVersion;
        CgroupControllers []string cgroupControllers; Conmon *define.ConmonInfo conmon; CPUs int cpus;
        CPUUtilization *define.CPUUsage cpuUtilization; DatabaseBackend string databaseBackend;
        Distribution define.DistributionInfo distribution; EventLogger string eventLogger; FreeLocks *uint32 freeLocks ?;
        Hostname string hostname; IDMappings define.IDMappings idMappings; Kernel string kernel; LogDriver string logDriver;
        MemFree int64 memFree; MemTotal int64 memTotal; NetworkBackend string networkBackend;
        NetworkBackendInfo types.NetworkInfo networkBackendInfo; OCIRuntime *define.OCIRuntimeInfo ociRuntime; OS string os;
        RemoteSocket *define.RemoteSocket remoteSocket ?; RootlessNetworkCmd string rootlessNetworkCmd;
        RuntimeInfo map[string]interface {} runtimeInfo ?; ServiceIsRemote bool serviceIsRemote; Security define.SecurityInfo security;
        Slirp4NetNS define.SlirpInfo slirp4netns; Pasta define.PastaInfo pasta; SwapFree int64 swapFree; SwapTotal int64 swapTotal;
        Uptime string uptime; Variant string variant; Linkmode string linkmode""",
    "define.ConmonInfo": "Package string package; Path string path; Version string version",
    "define.CPUUsage": "UserPercent float64 userPercent; SystemPercent float64 systemPercent; IdlePercent float64 idlePercent",
    "define.DistributionInfo": """
        Distribution string distribution; Variant string variant ?; Version string version; Codename string codename ?""",
    "define.IDMappings": "GIDMap []idtools.IDMap gidmap; UIDMap []idtools.IDMap uidmap",
    "idtools.IDMap": "ContainerID int container_id; HostID int host_id; Size int size",
    "types.NetworkInfo": """
        Backend types.NetworkBackend backend; Version string version ?; Package string package ?; Path string path ?;
        DNS types.DNSNetworkInfo dns ?""",
    "types.DNSNetworkInfo": "Version string version ?; Package string package ?; Path string path ?",
    "define.OCIRuntimeInfo": "Name string name; Package string package; Path string path; Version string version",
    "define.RemoteSocket": "Path string path ?; Exists bool exists",
    "define.SecurityInfo": """
        AppArmorEnabled bool apparmorEnabled; DefaultCapabilities string capabilities; Rootless bool rootless;
        SECCOMPEnabled bool seccompEnabled; SECCOMPProfilePath string seccompProfilePath; SELinuxEnabled bool selinuxEnabled""",
    "define.SlirpInfo": "Executable string executable; Package string package; Version string version",
    "define.PastaInfo": "Executable string executable; Package string package; Version string version",
    "define.StoreInfo": """
        ConfigFile string configFile; ContainerStore define.ContainerStore containerStore; GraphDriverName string graphDriverName;
        GraphOptions map[string]interface {} graphOptions; GraphRoot string graphRoot; GraphRootAllocated uint64 graphRootAllocated;
        GraphRootUsed uint64 graphRootUsed; GraphStatus map[string]string graphStatus; ImageCopyTmpDir string imageCopyTmpDir;
        ImageStore define.ImageStore imageStore; RunRoot string runRoot; VolumePath string volumePath;
        TransientStore bool transientStore""",
    "define.ContainerStore": "Number int number; Paused int paused; Running int running; Stopped int stopped",
    "define.ImageStore": "Number int number",
    "define.Plugins": "Volume []string volume; Network []string network; Log []string log; Authorization []string authorization",
}

DECLARED = {**_CONTAINER, **_IMAGE, **_NETWORK, **_SYSTEM, "struct {}": ""}
