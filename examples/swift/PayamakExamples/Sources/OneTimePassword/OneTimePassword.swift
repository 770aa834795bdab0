import Account
import Payamak

/// A login code: short patience, because a code that comes late is worth nothing.
///
/// Arguments: who logs in, the code, and the id of this login, so that a click on "send again" within it does not send twice.
@main
struct OneTimePassword {
    static func main() async throws {
        let arguments = Array(CommandLine.arguments.dropFirst())
        let number = arguments.first ?? "09121112222"
        let code = arguments.count > 1 ? arguments[1] : "48213"
        let login = arguments.count > 2 ? arguments[2] : "login-1"

        let account = try Account(patience: 5)
        let messenger = try Messenger([account.gateway], budget: 20)
        let message =
            account.gateway is PayamResan
            ? Message(to: number, template: "verify", parameters: [code], key: login)
            : Message(to: number, text: "کد ورود شما: \(code)", key: login)
        for receipt in try await messenger.sendEach([message]) {
            switch receipt.outcome {
            case .accepted: print("The code is on its way.")
            case .rejected: print("The code was not sent: \(receipt.error?.description ?? "")")
            case .unclear: print("Nobody knows yet: \(receipt.error?.description ?? "")")
            }
        }
    }
}
