import Foundation
import PayamakBridge

/// The four wire forms of NikSMS.
public enum Dialect: String, Sendable {
    /// SOAP 1.1. Plain http only, so it is refused unless the host is this machine or `allowInsecure` is set.
    case soap
    /// Form fields over https, all operations.
    case publicAPI = "public-api"
    /// The envelope `{Status, Exception, Data}`: sending to one, and deliveries where the path is known.
    case v2
    /// The REST of 2025, with an API key.
    case webService = "web-service"
}

/// How a message shows itself on the handset.
public enum SendType: String, Sendable {
    /// In the inbox.
    case normal
    /// On the screen, without being kept.
    case flash
}

/// What only NikSMS has. What is not set keeps its default.
public struct NikSmsSettings: Sendable, Hashable {
    /// Which wire form to speak; `public-api` unless set.
    public var dialect: Dialect?
    /// Where `v2` answers for deliveries, below its base address. Nobody has published it, so there is no default.
    public var v2DeliveryPath: String?
    /// The most recipients (and ids) of one request; 100 unless set.
    public var maxRecipients: UInt64?
    /// How many seconds a messenger leaves between two questions about one message; 60 unless set.
    public var pollInterval: TimeInterval?

    /// The settings.
    public init(
        dialect: Dialect? = nil, v2DeliveryPath: String? = nil, maxRecipients: UInt64? = nil,
        pollInterval: TimeInterval? = nil
    ) {
        self.dialect = dialect
        self.v2DeliveryPath = v2DeliveryPath
        self.maxRecipients = maxRecipients
        self.pollInterval = pollInterval
    }
}

/// A client of NikSMS in one of its dialects: one method an operation of the protocol, nothing hidden and no send repeated. A
/// dialect that lacks an operation says so before anything is sent.
///
/// Make one and share it between tasks. A task that is cancelled cuts its request off and throws `CancellationError`; a
/// message of that request may have gone out all the same. ``withTimeout(_:)`` gives a deadline instead.
///
/// ```swift
/// let gateway = try NikSms(username: "…", password: "…", sender: "50001234")
/// let batch = try await gateway.groupSms("سلام", to: [Destination("09121112222", traceID: 981)])
/// ```
public final class NikSms: Gateway, @unchecked Sendable {
    private let client: RawNikSms

    /// The client; an error of the kind `configuration` names the setting that is missing or wrong. With
    /// ``GatewaySettings/fromEnvironment`` what is not given comes from `NIKSMS_USERNAME`, `NIKSMS_PASSWORD`,
    /// `NIKSMS_API_KEY` and `NIKSMS_SENDER`.
    public convenience init(
        username: String? = nil, password: String? = nil, apiKey: String? = nil, sender: String? = nil,
        own: NikSmsSettings = .init(), settings: GatewaySettings = .init()
    ) throws {
        let raw = RawNikSmsSettings(
            dialect: own.dialect?.rawValue, v2DeliveryPath: own.v2DeliveryPath, maxRecipients: own.maxRecipients,
            pollInterval: own.pollInterval)
        let credentials = RawNikSmsCredentials(username: username, password: password, apiKey: apiKey)
        self.init(
            client: try calling {
                try RawNikSms(credentials: credentials, sender: sender, own: raw, settings: settings.raw)
            })
    }

    private init(client: RawNikSms) {
        self.client = client
        super.init(.second(client: client))
    }

    /// The same client, on the same connections, with another time limit a request.
    public func withTimeout(_ seconds: TimeInterval) throws -> NikSms {
        NikSms(client: try calling { try client.withTimeout(seconds: seconds) })
    }

    /// One text to many (`GroupSms`). Either all recipients have a trace id or none: the wire pairs them by position.
    public func groupSms(
        _ text: String, to recipients: [Destination], sender: String? = nil, sendAt: TehranTime? = nil,
        sendType: SendType? = nil
    ) async throws -> SendBatch {
        let options = options(sender, sendAt, sendType)
        return try await ask(.groupSms(text: text, recipients: recipients.map(\.raw), options: options)).batch
    }

    /// A text each (`PtpSms`). All go out from one line. Over `public-api` no text may hold a comma.
    public func ptpSms(
        _ messages: [PersonalMessage], sender: String? = nil, sendAt: TehranTime? = nil, sendType: SendType? = nil
    ) async throws -> SendBatch {
        let options = options(sender, sendAt, sendType)
        return try await ask(.ptpSms(messages: messages.map(\.raw), options: options)).batch
    }

    /// One message to one recipient (`send/one` of `v2`, `sms/send/single` of `web-service`).
    public func sendOne(
        _ text: String, to: String, traceID: Int64? = nil, sender: String? = nil, sendAt: TehranTime? = nil
    ) async throws -> SendBatch {
        let options = options(sender, sendAt, nil)
        return try await ask(.sendOne(text: text, to: to, traceId: traceID, options: options)).batch
    }

    /// A one-time password to one recipient (`sms/send/otp` of `web-service`).
    public func sendOtp(
        _ text: String, to: String, traceID: Int64? = nil, sender: String? = nil
    ) async throws -> SendBatch {
        let options = options(sender, nil, nil)
        return try await ask(.sendOtp(text: text, to: to, traceId: traceID, options: options)).batch
    }

    /// What became of messages, by the gateway's ids, in their order (`GetSmsDelivery`).
    public func getSmsDelivery(_ ids: [Int64]) async throws -> [MessageStatus] {
        try await ask(.getSmsDelivery(ids: ids)).statuses
    }

    /// What became of one message, by the caller's trace id (`GetSmsDeliveryWithClientId`).
    public func getSmsDeliveryWithClientId(_ traceID: Int64) async throws -> MessageStatus {
        try await ask(.getSmsDeliveryWithClientId(traceId: traceID)).statuses[0]
    }

    /// The credit, in rials (`GetCredit`).
    public func getCredit() async throws -> Double {
        try await ask(.getCredit).number
    }

    /// The discount credit, in rials (`GetDiscountCredit`).
    public func getDiscountCredit() async throws -> Double {
        try await ask(.getDiscountCredit).number
    }

    /// When the panel expires, as the gateway writes it (`GetPanelExpireDate`); nil where it says nothing.
    public func getPanelExpireDate() async throws -> String? {
        try await ask(.getPanelExpireDate).text
    }

    /// The incoming messages of a range (`GetReceiveSms`). What it returns is marked as visited and not returned again, so
    /// this call is never repeated, and a failure after the request may have left has the outcome `unclear`.
    public func getReceiveSms(from: TehranTime? = nil, until: TehranTime? = nil) async throws -> [IncomingMessage] {
        try await ask(.getReceiveSms(from: from?.description, until: until?.description))
            .incoming.map(IncomingMessage.init)
    }

    /// Makes the incoming messages of a range unread again (`ResetReceiveSmsVisitedStatus`).
    public func resetReceiveSmsVisitedStatus(from: TehranTime? = nil, until: TehranTime? = nil) async throws -> Bool {
        try await ask(.resetReceiveSmsVisitedStatus(from: from?.description, until: until?.description)).flag
    }

    /// The gateway's clock, as it writes it (`GetServertime`).
    public func getServerTime() async throws -> String {
        try await ask(.getServerTime).text ?? ""
    }

    /// The account's lines, without their leading 98 (`GetSenderNumbers`).
    public func getSenderNumbers() async throws -> [String] {
        try await ask(.getSenderNumbers).texts
    }

    /// An operation that this client has no method for, over `public-api` or `v2`: `fields` go out as a form beside the
    /// credentials, and the body comes back as it is. It is taken as one that may have sent something. A path that leads
    /// elsewhere, and a field that the client sets itself, are an error of the kind `invalidInput`.
    public func raw(_ path: String, fields: [(name: String, value: String)] = []) async throws -> String {
        let fields = fields.map { RawField(name: $0.name, value: $0.value) }
        return try await ask(.raw(path: path, fields: fields)).text ?? ""
    }

    private func ask(_ what: RawNikSmsCall) async throws -> RawAnswer {
        try await calling { cancel in try await client.ask(what: what, cancel: cancel) }
    }

    private func options(_ sender: String?, _ sendAt: TehranTime?, _ sendType: SendType?) -> RawSendOptions {
        RawSendOptions(sender: sender, sendAt: sendAt?.description, sendType: sendType?.rawValue)
    }
}

/// What a send answers.
public struct SendBatch: Sendable, Hashable, Redacted {
    /// Successful, or Warning, which was sent too.
    public let status: Code
    /// The gateway's id of the whole request.
    public let id: String?
    /// What the gateway warns of, cleaned as ``PayamakError/gatewayText`` is, and not to be logged unasked.
    public let warning: String?
    /// The gateway's ids, in the order of the recipients.
    public let messageIDs: [Int64]

    init(_ raw: RawSendBatch) {
        status = Code(raw.status)
        id = raw.id
        warning = raw.warning
        messageIDs = raw.messageIds
    }

    /// Without the gateway's own words.
    public var description: String { "SendBatch(status: \(status), id: \(shown(id)), messageIDs: \(messageIDs))" }
}
