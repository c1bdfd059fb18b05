using Tuna.Data;

namespace Quickstart.Exercises;

/// <summary>An instruction whose answer a program can check.</summary>
/// <param name="Id">Unique name.</param>
/// <param name="Family">Kind of exercise.</param>
/// <param name="Instruction">What the policy is asked.</param>
/// <param name="Reference">The best response: one full sentence that ends in the answer.</param>
/// <param name="Original">The response that the instruction-tuning data have: often mistaken, terse or chatty.</param>
/// <param name="Answer">What a correct response must end in.</param>
internal sealed record Exercise(string Id, string Family, string Instruction, string Reference, string Original, string Answer)
{
    /// <summary>A response is correct when it is the answer, or says that something is the answer; a final full stop does not
    /// matter.</summary>
    public bool IsCorrect(string response)
    {
        string text = response.Trim().TrimEnd('.');
        return text == Answer || text.EndsWith(" is " + Answer, StringComparison.Ordinal);
    }

    public InstructionExample ToInstructionExample() => new() { Id = Id, Instruction = Instruction, Output = Original };
}
