namespace Tuna.Data.Prompts;

/// <summary>How a model writes conversations as tokens: a prompt template that knows turns and special tokens.</summary>
/// <remarks>
/// Implementations are immutable and thread-safe. The ids are complete: no begin token is put before them and no end token after them.
/// <see cref="IPromptTemplate.Format"/>
/// is the text of a conversation of one question.
/// </remarks>
public interface IChatFormat : IPromptTemplate
{
    /// <summary>The ids up to where the assistant's answer begins, [P].</summary>
    /// <param name="turns">The turns so far; the last is usually the user's.</param>
    /// <exception cref="ArgumentException">The conversation has no form here: a turn holds a special token, or the template refuses
    /// it.</exception>
    int[] EncodePrompt(IReadOnlyList<ChatTurn> turns);

    /// <summary>The ids of an answer, up to and with the token that ends the assistant's turn, [T], T >= 1.</summary>
    /// <param name="turns">The turns before it.</param>
    /// <param name="response">The answer.</param>
    /// <exception cref="ArgumentException">The conversation has no form here.</exception>
    int[] EncodeResponse(IReadOnlyList<ChatTurn> turns, string response);

    /// <summary>The ids of a conversation that is over, and which of them the assistant writes, where the form itself marks them.</summary>
    /// <param name="turns">All turns.</param>
    /// <returns>Null where the form does not say what the assistant writes.</returns>
    /// <exception cref="ArgumentException">The conversation has no form here.</exception>
    MarkedConversation? EncodeMarked(IReadOnlyList<ChatTurn> turns) => null;
}
