import Foundation
import PayamakBridge

/// A client of one gateway: ``PayamResan`` or ``NikSms``. Make one and share it. When nobody holds it any more, and no messenger
/// that sends by it, it lets go of its connections and credentials. At most 100 calls of one client are under way at once; the
/// others wait in order.
public class Gateway: @unchecked Sendable {
    let raw: RawGateway

    init(_ raw: RawGateway) { self.raw = raw }
}

/// How requests travel. What is not set keeps its default.
public struct GatewaySettings: Sendable, Redacted {
    /// What the gateway is called in receipts and errors. Two accounts of one gateway in a messenger need two names.
    public var name: String?
    /// Where the gateway is, when it is not at its published address.
    public var baseURL: String?
    /// How many seconds one request may take, connecting included; 15 unless set.
    public var timeout: TimeInterval?
    /// How many seconds connecting may take; 5 unless set.
    public var connectTimeout: TimeInterval?
    /// The longest answer that is read, in bytes, of every call; unless set 1 MiB, and 8 MiB of an inbox.
    public var maxResponseBytes: UInt64?
    /// How often a call that neither sends nor takes anything away is tried when the connection fails; 3 unless set.
    public var readAttempts: UInt32?
    /// A proxy instead of the one that the usual environment variables name.
    public var proxy: String?
    /// One more certificate authority to trust (PEM), beside the roots.
    public var extraCAPEM: String?
    /// The same from a file of PEM certificates, read when the client is made.
    public var caFile: String?
    /// Trust the roots that come with this library instead of the system's.
    public var bundledRoots: Bool?
    /// Send the credentials over plain http to a host that is not this machine. Whoever is on the way can read them.
    public var allowInsecure: Bool
    /// Take what is not given from the environment.
    public var fromEnvironment: Bool

    /// The settings.
    public init(
        name: String? = nil, baseURL: String? = nil, timeout: TimeInterval? = nil, connectTimeout: TimeInterval? = nil,
        maxResponseBytes: UInt64? = nil, readAttempts: UInt32? = nil, proxy: String? = nil, extraCAPEM: String? = nil,
        caFile: String? = nil, bundledRoots: Bool? = nil, allowInsecure: Bool = false, fromEnvironment: Bool = false
    ) {
        self.name = name
        self.baseURL = baseURL
        self.timeout = timeout
        self.connectTimeout = connectTimeout
        self.maxResponseBytes = maxResponseBytes
        self.readAttempts = readAttempts
        self.proxy = proxy
        self.extraCAPEM = extraCAPEM
        self.caFile = caFile
        self.bundledRoots = bundledRoots
        self.allowInsecure = allowInsecure
        self.fromEnvironment = fromEnvironment
    }

    /// Without the proxy, whose address may hold a password.
    public var description: String { "GatewaySettings(name: \(shown(name)), baseURL: \(shown(baseURL)))" }

    var raw: RawSettings {
        RawSettings(
            name: name, baseUrl: baseURL, timeout: timeout, connectTimeout: connectTimeout,
            maxResponseBytes: maxResponseBytes, readAttempts: readAttempts, proxy: proxy, extraCaPem: extraCAPEM,
            caFile: caFile, bundledRoots: bundledRoots, allowInsecure: allowInsecure, fromEnv: fromEnvironment)
    }
}
