import Foundation
import PayamakBridge

/// Whether a message may have been sent although the call failed.
public enum Outcome: String, Sendable {
    /// Certainly not sent, and nothing was taken away from an inbox.
    case notSent = "not_sent"
    /// It may have been sent. Ask by trace id before sending it again.
    case unclear
}

/// What may be done after an error.
public enum Retry: String, Sendable {
    /// The same request will fail again: mend the cause first.
    case never
    /// It will pass: wait and try again, longer each time.
    case backoff
    /// When the limit has been reset.
    case afterReset = "after_reset"
    /// First ask, by trace id, whether it was sent.
    case checkFirst = "check_first"
}

/// One sentence that says what to do.
public struct Hint: Sendable, Hashable {
    /// In English.
    public let en: String
    /// In Persian.
    public let fa: String
}

/// Why a call failed. Its description is one line for people that holds no key, no password, no number, no text, and no word of
/// the gateway's; neither does anything else that prints an error.
///
/// ```swift
/// do {
///     try await gateway.sendBulk("سلام", to: [Destination("09121112222", traceID: 981)])
/// } catch let error as PayamakError where error.kind == .credit {
///     print(error.hint?.fa ?? "")
/// } catch let error as PayamakError where error.outcome == .unclear {
///     // it may have gone through: ask by trace id
/// }
/// ```
public struct PayamakError: Error, LocalizedError, Sendable, Redacted {
    /// The kinds of errors.
    public enum Kind: String, Sendable, CaseIterable {
        /// A setting is missing or wrong, or the gateway (or dialect) cannot do what was asked.
        case configuration = "ConfigurationError"
        /// A value that cannot be sent; ``PayamakError/field`` names it.
        case invalidInput = "InvalidInputError"
        /// No connection, or it broke.
        case connect = "ConnectError"
        /// No answer in time.
        case timeout = "TimeoutError"
        /// An answer that cannot be read.
        case decode = "DecodeError"
        /// The gateway does not accept the credentials.
        case authentication = "AuthenticationError"
        /// The account may not do this.
        case access = "AccessError"
        /// Too many requests: slow down.
        case rateLimit = "RateLimitError"
        /// A limit of the account, the line or the hour is reached.
        case limit = "LimitError"
        /// Not enough credit.
        case credit = "CreditError"
        /// The gateway refuses this request as it is.
        case request = "RequestError"
        /// The gateway is not well, or does not know itself what happened.
        case unavailable = "UnavailableError"
        /// The task of a send was cancelled; ``PayamakError/receipts`` says what had become of each message.
        case canceled = "CanceledError"

        /// True for what the gateway itself said.
        public var isGateway: Bool {
            switch self {
            case .authentication, .access, .rateLimit, .limit, .credit, .request, .unavailable: return true
            default: return false
            }
        }
    }

    /// What kind of error it is.
    public let kind: Kind
    /// The gateway it came from, by the name its client has.
    public let gateway: String?
    /// The operation, in snake case: `send_bulk`; nil for an error in the settings.
    public let operation: String?
    /// What happened, in one English clause without the gateway's own text.
    public let detail: String
    /// The gateway's code.
    public let code: Code?
    /// What the gateway said, cleaned: what repeats the request, credentials, numbers and characters that act in a log are
    /// blacked out. It may still be personal: never log it unasked.
    public let gatewayText: String?
    /// The argument that cannot be sent (`recipients[3]`), or the setting that is missing or wrong.
    public let field: String?
    /// The value of that argument as it was given. It may be personal: never log it unasked.
    public let value: String?
    /// What to do about it.
    public let hint: Hint?
    /// Whether a message may have been sent.
    public let outcome: Outcome
    /// What may be done now.
    public let retry: Retry
    /// How many seconds the gateway asks to wait.
    public let retryAfter: TimeInterval?
    /// The HTTP status, where one arrived.
    public let httpStatus: Int?
    /// The beginning of an answer that could not be read. It may be personal: never log it unasked.
    public let bodyExcerpt: String?
    /// After a cancellation: what had become of each message, in input order.
    public let receipts: [Receipt]

    /// One line for people.
    public let description: String

    /// What `localizedDescription` says.
    public var errorDescription: String? { description }
    /// What happened.
    public var failureReason: String? { detail }
    /// What to do about it.
    public var recoverySuggestion: String? { hint?.en }

    init(_ raw: RawFailure, receipts: [Receipt] = []) {
        kind = Kind(rawValue: raw.kind) ?? .unavailable
        gateway = raw.gateway
        operation = raw.operation
        detail = raw.detail
        code = raw.code.map(Code.init)
        gatewayText = raw.gatewayText
        field = raw.field
        value = raw.value
        hint = raw.hintEn.map { Hint(en: $0, fa: raw.hintFa ?? "") }
        outcome = Outcome(rawValue: raw.outcome) ?? .unclear
        retry = Retry(rawValue: raw.retry) ?? .checkFirst
        retryAfter = raw.retryAfter
        httpStatus = raw.httpStatus.map(Int.init)
        bodyExcerpt = raw.bodyExcerpt
        self.receipts = receipts
        description = raw.summary
    }
}

extension PayamakError {
    /// A mistake in the way this library is used, found before Rust is asked.
    static func configuration(_ detail: String) -> PayamakError {
        PayamakError(
            RawFailure(
                kind: Kind.configuration.rawValue, gateway: nil, operation: nil, summary: detail, detail: detail, code: nil,
                gatewayText: nil, field: nil, value: nil, hintEn: nil, hintFa: nil, outcome: Outcome.notSent.rawValue,
                retry: Retry.never.rawValue, retryAfter: nil, httpStatus: nil, bodyExcerpt: nil))
    }
}

/// Two errors that say the same.
extension PayamakError: Equatable {
    public static func == (left: PayamakError, right: PayamakError) -> Bool {
        left.kind == right.kind && left.description == right.description
    }
}

/// The library's own error as users see it.
private func translated(_ error: Error) -> Error {
    switch error as? RawError {
    case let .Failed(failure, receipts)?: return PayamakError(failure, receipts: receipts.map(Receipt.init))
    case .Canceled?: return CancellationError()
    case nil: return error
    }
}

/// Calls the library.
func calling<Value>(_ call: () throws -> Value) throws -> Value {
    do { return try call() } catch { throw translated(error) }
}

/// Calls the library, which hears of a cancelled task through a token: a task of Swift cannot tell it in another way.
func calling<Value>(_ call: (RawCancel) async throws -> Value) async throws -> Value {
    let cancel = RawCancel()
    do {
        return try await withTaskCancellationHandler {
            try await call(cancel)
        } onCancel: {
            cancel.cancel()
        }
    } catch {
        throw translated(error)
    }
}

/// The same for what has a way of its own to be stopped.
func calling<Value>(
    stop: @escaping @Sendable () -> Void,
    _ call: () async throws -> Value
) async throws -> Value {
    do {
        return try await withTaskCancellationHandler(operation: call, onCancel: stop)
    } catch {
        throw translated(error)
    }
}
