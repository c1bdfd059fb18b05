using Tuna.Data.Prompts;

namespace Tuna.Data.Tests.Prompts;

public class PromptTemplateTests
{
    [Fact]
    public void Format_AlpacaWithoutInput_IsStanfordsTextByteForByte()
    {
        const string Expected =
            "Below is an instruction that describes a task. Write a response that appropriately completes the request.\n\n### "
            + "Instruction:\nSay {input}.\n\n### Response:";
        Assert.Equal(Expected, AlpacaPromptTemplate.Instance.Format("Say {input}."));
        Assert.Equal(Expected, AlpacaPromptTemplate.Instance.Format("Say {input}.", ""));
    }

    [Fact]
    public void Format_AlpacaWithInput_IsStanfordsTextByteForByte() => Assert.Equal(
        "Below is an instruction that describes a task, paired with an input that provides further context. Write a response that "
            + "appropriately completes the request.\n\n### Instruction:\n{input}\n\n### Input:\n{instruction}\n\n### Response:",
        AlpacaPromptTemplate.Instance.Format("{input}", "{instruction}"));

    [Fact]
    public void Format_TextWithDoubledBraces_WritesBraces() =>
        Assert.Equal("{\"q\": \"x\"}", new TextPromptTemplate("{instruction}{input}", "{{\"q\": \"{instruction}\"}}").Format("x"));

    [Theory]
    [InlineData("{instruction}", "{instruction}", "{input}")]
    [InlineData("{input}", "{instruction}", "{instruction}")]
    [InlineData("{instruction}{input}", "{input}", "{instruction}")]
    [InlineData("{instruction}{input}", "{instruction}{input}", "{input}")]
    [InlineData("{instruction}{imput}", "{instruction}", "{imput}")]
    [InlineData("{instruction}{input", "{instruction}", "{input")]
    [InlineData("{instruction}{input}}", "{instruction}", "}")]
    public void Constructor_BadText_NamesThePlaceholder(string withInput, string withoutInput, string named) =>
        Assert.Contains(named, Assert.Throws<ArgumentException>(() => new TextPromptTemplate(withInput, withoutInput)).Message);

    [Fact]
    public void Format_Delegate_IsItsResult()
    {
        var template = new DelegatePromptTemplate((instruction, input) => $"<{instruction}|{input}>");
        Assert.Equal("<a|b>", template.Format("a", "b"));
        Assert.Throws<InvalidOperationException>(() => new DelegatePromptTemplate((_, _) => null!).Format("a"));
    }

    [Theory]
    [InlineData("ask", null)]
    [InlineData("ask\n\nmore", "in\n\nput")]
    [InlineData("", null)]
    public void TryParse_AlpacaPrompt_GivesItsPartsBack(string instruction, string? input)
    {
        Assert.True(AlpacaPromptTemplate.TryParse(AlpacaPromptTemplate.Instance.Format(instruction, input) + "\n", out string? i,
            out string? n));
        Assert.Equal((instruction, input), (i, n));
    }

    [Fact]
    public void TryParse_OtherText_IsFalse() =>
        Assert.False(AlpacaPromptTemplate.TryParse("### Instruction:\nx\n\n### Response:", out _, out _));
}
