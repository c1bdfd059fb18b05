using System.Text;
using Tuna.Evaluation.PythonSemantics;

namespace Tuna.Evaluation.Tests.PythonSemantics;

public class PythonTextTests
{
    [Theory]
    [InlineData("ABC", "abc")]
    [InlineData("\u0130X", "i\u0307x")] // I with a dot becomes two characters
    [InlineData("\u039F\u0394\u039F\u03A3", "\u03BF\u03B4\u03BF\u03C2")] // a sigma at the end of a word is the final one
    [InlineData("\u03A3\u0391", "\u03C3\u03B1")]
    [InlineData("\u03A3", "\u03C3")] // alone it is not
    [InlineData("\u0391\u03A3'\u0391", "\u03B1\u03C3'\u03B1")] // an apostrophe does not end the word
    [InlineData("\u0391\u03A3.", "\u03B1\u03C2.")]
    [InlineData("\u212A\u1E9E", "k\u00DF")]
    [InlineData("\U00010400", "\U00010428")]
    public void Lower_SpecialCases_ArePythons(string text, string expected) => Assert.Equal(expected, PythonText.Lower(text));

    [Fact]
    public void Strip_InformationSeparators_AreSpaces() =>
        Assert.Equal("a\u200Bb\u200B", PythonText.Strip("\u001C\u00A0\u3000 a\u200Bb\u200B\u001F\u0085\n"));

    [Fact]
    public void SqueezeSpaces_MixedSpaces_BecomeOne() => Assert.Equal("a b c", PythonText.SqueezeSpaces("\t a \u001D\u2003b\u0085c\n"));

    [Theory]
    [InlineData('_', true)]
    [InlineData('\u00B2', true)] // superscript two: No
    [InlineData('\u2167', true)] // Roman eight: Nl
    [InlineData('\u0301', false)] // a combining accent, which .NET calls a word character
    [InlineData('\u203F', false)] // an undertie, likewise
    [InlineData('\u200D', false)]
    public void IsWord_WhereDotNetDiffers_IsPythons(char c, bool expected) => Assert.Equal(expected, PythonText.IsWord(new Rune(c)));

    [Theory]
    [InlineData(@"\bcat\b", "a cat\u0301", true)] // the accent is no word character, so the word ends before it
    [InlineData(@"\bcat\b", "cat\u00B2", false)]
    [InlineData(@"\bcat\b", "\U0001D400cat", false)] // a letter beyond the first plane
    [InlineData(@"\bcat\b", "\U0001F44Dcat", true)]
    [InlineData(@"^\w\w$", "\U0001D400\U0001D401", true)] // two characters, not four
    [InlineData(@"^\d$", "\U0001D7D8", true)]
    [InlineData(@"a\sb", "a\u001Cb", true)]
    [InlineData("^.$", "\U0001F44D", true)]
    public void Search_UnicodeText_MatchesAsPython(string pattern, string text, bool expected) =>
        Assert.Equal(expected, PythonRegex.Search(pattern).IsMatch(new NeutralText(text)));

    [Theory]
    [InlineData("Is it", "\u0131\u017F it", true)] // IGNORECASE pairs s with the long s and i with the dotless one
    [InlineData("[a-z]+$", "\u017F\u0131", true)]
    [InlineData("[^a-z]$", "\u017F", false)]
    [InlineData(@"A\W", "a b", true)] // escapes are not lowered
    public void Match_IgnoringCase_MatchesAsPython(string pattern, string text, bool expected) =>
        Assert.Equal(expected, PythonRegex.Match(pattern, ignoreCase: true).IsMatch(new NeutralText(text)));

    [Theory]
    [InlineData(2.675, 2, 2.67)] // the double is below the half
    [InlineData(0.5, 0, 0)] // halves go to even
    [InlineData(1.5, 0, 2)]
    [InlineData(0.25, 1, 0.2)]
    [InlineData(92.85, 1, 92.8)] // the double is 92.849999...
    [InlineData(-2.675, 2, -2.67)]
    [InlineData(1e300, 2, 1e300)]
    [InlineData(5e-324, 4, 0)]
    public void Round_BinaryValues_IsPythons(double value, int digits, double expected) =>
        Assert.Equal(expected, PythonRounding.Round(value, digits));
}
