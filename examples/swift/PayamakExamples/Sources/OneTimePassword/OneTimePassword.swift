import Account
import Payamak

/// A login code: short patience, because a code that comes late is worth nothing.
///
/// Arguments: who logs in, the code, the id of this login, and which code of it this is. The same code has the same key, so that
/// trying again does not send it twice. "Send again" makes a new code, so it needs the next number: under the old key the new
/// code would not go out.
///
/// A key protects within one program, and from one run to the next. Two processes that send with it at the same moment can both
/// send: let one of them handle a login.
@main
struct OneTimePassword {
    static func main() async throws {
        let arguments = Array(CommandLine.arguments.dropFirst())
        let number = arguments.first ?? "09121112222"
        let code = arguments.count > 1 ? arguments[1] : "48213"
        let login = arguments.count > 2 ? arguments[2] : "1"
        let attempt = arguments.count > 3 ? arguments[3] : "1"
        // The prefix is ours: whoever could choose a whole key could choose that of another message.
        let key = "login:\(login):\(attempt)"

        let account = try Account(patience: 5)
        let messenger = try Messenger([account.gateway])
        let message =
            account.gateway is PayamResan
            ? Message(to: number, template: "verify", parameters: [code], key: key)
            : Message(to: number, text: "کد ورود شما: \(code)", key: key)
        for receipt in try await messenger.sendEach([message], deadline: 10) {
            switch receipt.outcome {
            case .accepted: print("The code is on its way.")
            case .rejected: print("The code was not sent: \(receipt.error?.description ?? "")")
            case .unclear: print("Nobody knows yet: \(receipt.error?.description ?? "")")
            }
        }
    }
}
